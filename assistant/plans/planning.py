"""Training plans in a conversation: made, drawn as a card, refused an edit, and, once approved, launched.

What a plan is stands in specs.py, where it is stored in proposals.py. This is what tools and the person's own acts do with it.
"""

import asyncio
from typing import Any

from assistant.data.datasets import DatasetError
from assistant.data.left_out import by_reason
from assistant.frames import Member, ProposalItem, RunItem
from assistant.plans.earlier_runs import build_on
from assistant.plans.estimates import count_work
from assistant.plans.plan import Plan, describe, make_plan
from assistant.store.tables import ProposalRow, RunRow
from assistant.tools.desk import Desk
from engine.contract.jobs import SpecError, setting_names
from engine.contract.jobs.detect import DetectJob
from engine.contract.models import MODELS

ALSO_CALLED = {"flow_steps": "coupling_blocks", "coupling_blocks": "flow_steps"}


async def plan_training(
    desk: Desk, *, dataset: str, model: str, chosen: dict[str, Any], last_runs: int | None = None
) -> Plan:
    """A valid plan from what was chosen; settings that belong to another model are left behind when the model changes.

    Raises:
        SpecError, DatasetError: what is wrong, in words.
    """
    facts = await desk.datasets.facts(dataset)
    if model in MODELS:
        of_any_model = {name for each in MODELS for name in setting_names("detect", each)}
        mine = setting_names("detect", model)
        chosen = {_in_the_words_of(mine, name): value for name, value in chosen.items()}
        chosen = {name: value for name, value in chosen.items() if name in mine or name not in of_any_model}
    built = await build_on(desk.runs, facts=facts, model=model, chosen=chosen, last_runs=last_runs)
    finished = await desk.runs.list(state="succeeded", model=model, limit=20)
    return await asyncio.to_thread(make_plan, desk.settings, facts, model, built.chosen, finished, given=built.given)


def _in_the_words_of(settings: list[str], name: str) -> str:
    """Coupling blocks are `flow_steps` to FastFlow and `coupling_blocks` to CFlow."""
    other = ALSO_CALLED.get(name, name)
    return other if name not in settings and other in settings else name


async def propose(desk: Desk, plan: Plan) -> ProposalRow:
    """Store a plan and show its card; it takes the place of older open ones."""
    row, superseded = await desk.proposals.add(plan, conversation=desk.conversation)
    for old in superseded:
        await desk.update(plan_key(old.id), state="superseded")
    await show_plan(desk, row, plan)
    return row


async def show_plan(desk: Desk, row: ProposalRow, plan: Plan) -> None:
    """Draw the plan's card anew."""
    facts = {key: value for key, value in plan.facts.items() if key not in ("path", "broken")}
    item = {
        "proposal": row.id,
        "revision": row.revision,
        "state": row.state,
        "dataset": plan.spec.dataset,
        "dataset_facts": facts
        | {"broken": len(plan.facts["broken"]), "left_out": by_reason(plan.facts.get("left_out", []))},
        "model": plan.spec.model.name,
        "model_title": MODELS[plan.spec.model.name].title,
        "settings": describe(plan.spec, plan.because),
        "members": [await _member(desk, run) for run in getattr(plan.spec.model, "members", ())],
        "notices": plan.notices,
        "estimate": plan.estimate,
        "run": row.run,
    }
    await desk.show(plan_key(row.id), ProposalItem.model_validate(item))


def plan_words(item: ProposalItem) -> dict[str, Any]:
    """What our own words say of a plan."""
    return {"model_title": item.model_title, "dataset": item.dataset, "seconds": item.estimate.seconds}


async def take_up(desk: Desk, row: ProposalRow) -> ProposalRow:
    """Open a declined or superseded plan again: checked anew on the data as it is now, and shown. Nothing starts.

    Raises:
        SpecError, DatasetError: it cannot be trained any more, in words.
        StalePlan: it was taken up, or decided, in the meantime.
    """
    plan = await plan_training(desk, dataset=row.dataset, model=row.model, chosen=row.chosen)
    opened, superseded = await desk.proposals.take_up(row, plan)
    for other in superseded:
        await desk.update(plan_key(other.id), state="superseded")
    await show_plan(desk, opened, plan)
    return opened


async def _member(desk: Desk, run: str) -> Member:
    row = await desk.runs.get(run)
    measured = (row.metrics or {}).get("image_auroc")
    return Member(run=row.id, model_title=MODELS[row.model].title, image_auroc=measured)


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


async def launch(desk: Desk, row: ProposalRow) -> RunRow:
    """Queue the run of an approved plan and show its card. However often it is called, a plan has one run.

    Raises:
        DatasetError: the data set is gone.
        OSError: the run's folder cannot be written.
    """
    assert row.state == "approved", row.state
    facts = await desk.datasets.facts(row.dataset)
    spec = DetectJob.model_validate(row.spec)
    key = f"{desk.conversation}/{row.id}"
    work = count_work(spec, facts)
    run = await desk.runs.add(
        spec,
        data_path=facts["path"],
        conversation=desk.conversation,
        key=key,
        estimate_s=work,
        fingerprint=row.fingerprint or facts["fingerprint"],
    )
    await desk.proposals.note_run(row.id, run.id)
    await desk.update(plan_key(row.id), state="approved", run=run.id)
    await desk.show(f"run-{run.id}", RunItem(run=run.id))
    return run


def plan_key(proposal: str) -> str:
    """The key of a plan's card in its conversation."""
    return f"plan-{proposal}"
