"""Tool: take the last change of the open plan back."""

from typing import Any

from pydantic_ai import RunContext

from assistant.data.datasets import DatasetError
from assistant.plans.form import differences
from assistant.plans.proposals import StalePlan
from assistant.state import PlanVersion, State, is_new
from assistant.tools.desk import Desk, Undone
from engine.contract.jobs import SpecError, read_job


async def undo_change(ctx: RunContext[Desk]) -> dict[str, Any]:
    """Make the open plan what it was before its last change, whoever made that; can be called again for the change before. A plan that
    was made just now and not changed is withdrawn; it can be opened again (start_training). Nothing starts.

    A training that was started cannot be undone so: it can be stopped (stop_run). After it, call start_training.
    """
    desk = ctx.deps
    try:
        undone = await desk.cards.undo()
    except StalePlan as error:
        raise desk.refuse("stale", str(error)) from None
    except (SpecError, DatasetError) as error:
        raise desk.refuse_input(error) from None
    if undone is None:
        state = await desk.memory.state()
        if state.plan is not None and is_new(state):
            return await _withdrawn(desk, state.plan)
        has_plan = state.plan is not None
        why = "the open plan was not changed" if has_plan else "no plan is open"
        raise desk.refuse(
            "nothing_to_undo",
            f"there is nothing to undo: {why}",
            has_plan=has_plan,
            threshold_of=None if has_plan else _threshold_set_last(state),
        )
    return _told(undone)


def _threshold_set_last(state: State) -> str | None:
    """The run whose threshold was what was changed last: set_threshold undoes that."""
    act = state.act
    return str(act.told["run"]) if act is not None and (act.tool, act.outcome) == ("set_threshold", "done") else None


async def _withdrawn(desk: Desk, plan: PlanVersion) -> dict[str, Any]:
    row = await desk.proposals.get(plan.proposal)
    if row is None:
        raise desk.refuse(
            "nothing_to_undo", "there is nothing to undo: no plan is open", has_plan=False, threshold_of=None
        )
    try:
        await desk.cards.withdraw(row)
    except StalePlan as error:
        raise desk.refuse("stale", str(error)) from None
    return {"withdrawn": row.id, "dataset": row.dataset, "model": row.subject, "title": read_job(row.spec).title}


def _told(undone: Undone) -> dict[str, Any]:
    """The plan, and what is otherwise now than it was."""
    row, was = undone.row, undone.was
    job, changed = read_job(row.spec), read_job(was.spec)
    names = (("dataset", changed.dataset, job.dataset), ("title", changed.title, job.title))
    return {
        "proposal": row.id,
        "dataset": row.dataset,
        "model": row.subject,
        "title": job.title,
        "instead_of": {name: before for name, before, now in names if before != now},
        "settings": [
            {"setting": name, "value": now, "instead_of": before} for name, before, now in differences(changed, job)
        ],
    }
