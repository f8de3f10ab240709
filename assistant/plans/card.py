"""A plan as the card that a person reads, edits and decides on."""

from typing import Any

from assistant.data.datasets import DatasetError
from assistant.frames import Member, PlannedGroup, ProposalItem, Setting
from assistant.kinds import kind_of
from assistant.kinds.summary import headline_of, title_of
from assistant.plans.form import describe
from assistant.plans.group import LEAST_MINUTES, MOST_MINUTES
from assistant.plans.plan import Plan
from assistant.runs.queue import Queue
from assistant.store.tables import ProposalRow
from engine.contract.jobs import SpecError


async def plan_item(runs: Queue, row: ProposalRow, plan: Plan) -> ProposalItem:
    """The card of a stored plan."""
    job, varied = plan.spec, plan.group.varied if plan.group is not None else []
    item = {
        "task": job.kind,
        "proposal": row.id,
        "revision": row.revision,
        "state": row.state,
        "dataset": job.dataset,
        "dataset_facts": plan.facts.without_images(),
        "figures": kind_of(job.kind).figures(job, plan.facts),
        "portions": kind_of(job.kind).portions(job, plan.facts),
        "model": job.subject,
        "model_title": job.title,
        "settings": [
            *_of_the_group(plan),
            *(each for each in describe(job, plan.because, backbones=plan.backbones) if each.name not in varied),
        ],
        "members": [await _member(runs, run) for run in getattr(job.model, "members", ())],
        "group": _group(plan),
        "notices": plan.notices,
        "estimate": plan.estimate,
        "run": row.run,
    }
    return ProposalItem.model_validate(item)


def _group(plan: Plan) -> PlannedGroup | None:
    """What a plan of several runs tries."""
    group = plan.group
    if group is None:
        return None
    search = {name: (span.low, span.high) for name, span in group.search.items()}
    most = group.most if group.search else 0
    return PlannedGroup(
        sort=group.sort, varied=group.varied, trials=plan.trials, search=search, most=most, minutes=group.minutes
    )


def _of_the_group(plan: Plan) -> list[Setting]:
    """What can be edited of a plan of several runs beside the settings that all share."""
    group = plan.group
    if group is None:
        return []
    values = [trial[group.varied[0]] for trial in group.trials] if len(group.varied) == 1 else []
    listed = {"model": "models", "dataset": "datasets"}.get(group.varied[0] if group.varied else "", "values")
    settings = []
    if values:
        what = {"values": "values that are tried", "models": "models that are tried", "datasets": "data sets"}[listed]
        settings.append(
            Setting(
                name=listed,
                value=[str(each) for each in values],
                default=None,
                type="texts",
                description=what,
                main=True,
            )
        )
    settings.append(
        Setting(
            name="minutes",
            value=group.minutes,
            default=None,
            type="number",
            description="minutes that all runs together may take; empty is no limit",
            minimum=LEAST_MINUTES,
            maximum=MOST_MINUTES,
            optional=True,
            main=True,
        )
    )
    return settings


def plan_words(item: ProposalItem) -> dict[str, Any]:
    """What our own words say of a plan: `because` of which reasons its settings are what they are."""
    because = [
        {"setting": each.name, "value": each.value, **each.because.model_dump(include={"code", "message", "values"})}
        for each in item.settings
        if each.because is not None
    ]
    return {
        "because": because,
        "model_title": item.model_title,
        "dataset": item.dataset,
        "seconds": item.estimate.seconds,
    }


def settings_now(item: ProposalItem) -> dict[str, Any]:
    """Model and settings of a plan, which "half the image size" is a half of."""
    return {"model": item.model, **{setting.name: setting.value for setting in item.settings}}


def with_refusal(item: ProposalItem, error: SpecError | DatasetError, changes: dict[str, Any]) -> ProposalItem:
    """The card as it was, with what was typed and why it was refused. The plan itself has not changed."""
    problems = {each.field: each for each in error.problems} if isinstance(error, SpecError) else {}
    settings = []
    for setting in item.settings:
        problem = problems.pop(setting.name, None)
        said = (
            {"problem": problem.message, "problem_kind": problem.kind, "problem_values": problem.values}
            if problem
            else {}
        )
        typed = {"value": changes[setting.name]} if problem and setting.name in changes else {}
        settings.append(
            setting.model_copy(update={"problem": None, "problem_kind": None, "problem_values": {}, **said, **typed})
        )
    unplaced = "; ".join(each.message for each in problems.values()) or (
        str(error) if isinstance(error, DatasetError) else None
    )
    only = next(iter(problems.values())) if len(problems) == 1 else None
    kind, values = (only.kind, only.values) if only else (None, {})
    return item.model_copy(
        update={"settings": settings, "problem": unplaced, "problem_kind": kind, "problem_values": values}
    )


def plan_key(proposal: str) -> str:
    """The key of a plan's card in its conversation."""
    return f"plan-{proposal}"


async def _member(runs: Queue, run: str) -> Member:
    row = await runs.get(run)
    return Member(run=row.id, model_title=title_of(row), headline=headline_of(row))
