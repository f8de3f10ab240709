"""A plan of several runs: each trial is planned like a run of its own, so that a person is asked only about what can be trained."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from assistant.data.datasets import DatasetError, Datasets
from assistant.data.facts import NamedFacts
from assistant.frames import Estimate, Notice, PlannedTrial
from assistant.kinds import DEFAULT_KIND, kind_of_model
from assistant.plans.estimates import count_work
from assistant.plans.group import MOST_TRIALS, Approved, Group, Trial
from assistant.plans.plan import NOTHING, Plan, plan_on
from assistant.runs.queue import Queue
from assistant.settings import Settings
from engine.contract.jobs import KINDS, Problem, SpecError

WITHOUT_WEIGHTS = ("weights_missing",)  # notices for which a model is left out where nobody named it


@dataclass(frozen=True)
class _Tried:
    """An overlay with its plan, where it can be trained, and why it is left out, where it is."""

    differs: Mapping[str, Any]
    plan: Plan | None = None
    why: Notice | None = None


async def plan_group(
    settings: Settings,
    datasets: Datasets,
    runs: Queue,
    group: Group,
    *,
    dataset: str,
    model: str,
    chosen: Mapping[str, Any],
    kind: str = DEFAULT_KIND,
    facts: NamedFacts | None = None,
) -> Plan:
    """The plan of a group whose base is this model on this data set with these settings; `facts`: of data that are not registered.

    Raises:
        SpecError, DatasetError: what is wrong, in words; where trials are left out (`leaves_out`), that none remains.
    """

    async def one(differs: Mapping[str, Any]) -> Plan:
        asked = {**chosen, **differs}
        on, with_model = asked.pop("dataset", dataset), asked.pop("model", model)
        of = kind_of_model(with_model) or kind
        found = facts if facts is not None and on == dataset else await datasets.facts(on)
        given = {name: value for name, value in asked.items() if value not in NOTHING}
        return await plan_on(settings, runs, found, kind=of, model=with_model, chosen=given)

    if len(group.trials) > MOST_TRIALS:
        raise SpecError(
            [Problem("values", f"{len(group.trials)} trainings are more than the {MOST_TRIALS} of a group")]
        )
    tried = [await _tried(one, differs, group) for differs in group.trials]
    if all(
        each.why is not None for each in tried
    ):  # with weights for none, they are tried without rather than not at all
        tried = [replace(each, why=None) if each.plan is not None else each for each in tried]
    made = [(each.differs, each.plan) for each in tried if each.plan is not None and each.why is None]
    if group.trials and not made:
        raise SpecError([Problem("", each.why.message) for each in tried if each.why is not None])
    base = await one({}) if group.search or not made else made[0][1]
    return _as_one(group, base, made, tried, chosen)


async def _tried(
    one: Callable[[Mapping[str, Any]], Awaitable[Plan]], differs: Mapping[str, Any], group: Group
) -> _Tried:
    try:
        made = await one(differs)
    except (SpecError, DatasetError) as error:
        if not group.leaves_out:
            raise
        return _Tried(differs, why=Notice(code="unfit", message=str(error)))
    if group.leaves_out and (lacking := is_left_out(made)):
        return _Tried(differs, made, lacking)
    return _Tried(differs, made)


def is_left_out(made: Plan) -> Notice | None:
    """Why a planned run is left out where nobody named it: its model is worth little without weights, and they are nowhere."""
    lacking = next((each for each in made.notices if each.code in WITHOUT_WEIGHTS), None)
    return lacking if KINDS[made.spec.kind].models()[made.spec.subject].needs_weights else None


def _as_one(
    group: Group,
    base: Plan,
    made: Sequence[tuple[Mapping[str, Any], Plan]],
    tried: Sequence[_Tried],
    chosen: Mapping[str, Any],
) -> Plan:
    trials = [trial_of(differs, each) for differs, each in made]
    expected = sum(each.seconds for each in trials) + (base.estimate.seconds * group.most if group.search else 0.0)
    limit = group.minutes * 60 if group.minutes is not None else expected
    notices = {each.code: each for each in (*base.notices, *(notice for _, each in made for notice in each.notices))}
    approved = Approved(group=group, base=trial_of({}, base), trials=trials, facts=base.facts if group.search else None)
    shown = [
        PlannedTrial(
            differs=dict(each.differs),
            seconds=each.plan.estimate.seconds if each.plan and not each.why else None,
            left_out=each.why,
        )
        for each in tried
    ]
    return replace(
        base,
        chosen=dict(chosen),
        notices=list(notices.values()),
        estimate=Estimate(seconds=min(expected, limit), basis=base.estimate.basis),
        approved=approved,
        trials=shown,
    )


def trial_of(differs: Mapping[str, Any], plan: Plan) -> Trial:
    """What is kept of a planned run."""
    return Trial(
        differs=dict(differs),
        job=plan.spec.model_dump(mode="json"),
        data_path=plan.facts.path,
        fingerprint=plan.facts.fingerprint,
        work_s=count_work(plan.spec, plan.facts),
        seconds=plan.estimate.seconds,
    )
