"""A training plan under discussion: completed from the data and the machine, checked, worded, revised.

Nothing here starts anything. A plan exists only when its job is valid, so a person is only ever asked about a valid one.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assistant.data.datasets import Datasets, UnfitData
from assistant.data.facts import NamedFacts
from assistant.frames import Estimate, Notice, PlannedTrial
from assistant.kinds import DEFAULT_KIND, Advice, kind_of
from assistant.kinds.notices import with_what_is_here
from assistant.kinds.weights import offered_backbones
from assistant.plans.estimates import expected
from assistant.plans.group import Approved, Group
from assistant.runs.queue import Queue
from assistant.settings import Settings
from assistant.store.tables import RunRow
from engine.contract.jobs import KINDS, Job, SpecError, make_job, setting_names

ALSO_CALLED = {"flow_steps": "coupling_blocks", "coupling_blocks": "flow_steps"}
NOTHING = (None, "")  # of a setting: nothing was chosen


@dataclass(frozen=True)
class Plan:
    """A valid job with what a person should know before saying yes. `chosen` are the settings somebody asked for."""

    spec: Job
    chosen: dict[str, Any]
    facts: NamedFacts
    notices: list[Notice]
    estimate: Estimate
    because: dict[str, Notice] = field(
        default_factory=dict
    )  # why settings that nobody asked for differ from the default
    backbones: list[str] = field(default_factory=list)  # whose weights are here
    approved: Approved | None = None  # of a plan of several runs, whose base this is (trials.py)
    trials: list[PlannedTrial] = field(default_factory=list)  # as its card shows them

    @property
    def group(self) -> Group | None:
        """What is tried, where the plan is one of several runs."""
        return self.approved.group if self.approved is not None else None


async def plan(
    settings: Settings,
    datasets: Datasets,
    runs: Queue,
    *,
    dataset: str,
    model: str,
    chosen: Mapping[str, Any],
    kind: str = DEFAULT_KIND,
    wishes: Mapping[str, Any] | None = None,
) -> Plan:
    """A valid plan for a registered data set; settings that belong to another model are left behind when the model changes.

    Raises:
        SpecError, DatasetError: what is wrong, in words.
    """
    facts = await datasets.facts(dataset)
    return await plan_on(settings, runs, facts, kind=kind, model=model, chosen=chosen, wishes=wishes)


async def plan_on(
    settings: Settings,
    runs: Queue,
    facts: NamedFacts,
    *,
    model: str,
    chosen: Mapping[str, Any],
    kind: str = DEFAULT_KIND,
    wishes: Mapping[str, Any] | None = None,
) -> Plan:
    """The same for data whose facts are known, registered or not.

    Raises:
        SpecError: what is wrong, in words.
    """
    mine = _of_this_model(kind, model, chosen)
    built = await kind_of(kind).build_on(runs, facts=facts, model=model, chosen=mine, wishes=wishes or {})
    finished = await runs.list(state="succeeded", subject=model, limit=20)
    return await asyncio.to_thread(
        make_plan, settings, facts, model, built.chosen, finished, kind=kind, given=built.given
    )


def make_plan(
    settings: Settings,
    facts: NamedFacts,
    model: str,
    chosen: dict[str, Any],
    finished: Sequence[RunRow],
    *,
    kind: str = DEFAULT_KIND,
    given: Mapping[str, Advice] | None = None,
) -> Plan:
    """Complete what was asked for into a whole job: first with what follows from earlier runs (`given`), then with what
    suits the data; what was asked for goes before both.

    Raises:
        SpecError: all problems of the request at once.
        UnfitData: this kind of run cannot learn from such data, whatever is asked for.
    """
    this = kind_of(kind)
    if unfit := facts.unfit.get(kind):
        raise UnfitData(unfit)
    chosen = {name.removeprefix("model."): value for name, value in chosen.items()}
    known = chosen | {name: each.value for name, each in (given or {}).items() if chosen.get(name) in NOTHING}
    advice = {**this.advise(settings, facts=facts, model=model, chosen=known), **(given or {})}
    advice = {name: each for name, each in advice.items() if chosen.get(name) in NOTHING}
    try:
        job = make_job(kind, facts.dataset, model, chosen | {name: each.value for name, each in advice.items()})
    except SpecError as error:
        raise with_what_is_here(settings, error) from None
    this.refuse(settings, job, facts, chosen=chosen)
    estimate = expected(job, facts, finished)
    notices = this.notices(settings, job, chosen=chosen, facts=facts, estimate=estimate)
    because = {name: each.because for name, each in advice.items() if each.because is not None}
    return Plan(job, chosen, facts, notices, estimate, because, offered_backbones(settings, job))


def _of_this_model(kind: str, model: str, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """What was chosen without the settings of other models; a setting that nobody knows stays, to be refused by its name."""
    if model not in KINDS[kind].models():
        return dict(chosen)
    of_any_model = {name for every in KINDS for each in KINDS[every].models() for name in setting_names(every, each)}
    mine = setting_names(kind, model)
    named = {_in_the_words_of(mine, name): value for name, value in chosen.items()}
    says_like = kind_of(kind).like_of  # a run that cannot be followed is refused, not forgotten
    return {
        name: value
        for name, value in named.items()
        if name in mine or name not in of_any_model or says_like({name: value})
    }


def _in_the_words_of(settings: list[str], name: str) -> str:
    """Coupling blocks are `flow_steps` to FastFlow and `coupling_blocks` to CFlow."""
    other = ALSO_CALLED.get(name, name)
    return other if name not in settings and other in settings else name
