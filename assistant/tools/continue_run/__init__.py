"""Tool: continue a training that ended without a result."""

from typing import Any

from pydantic_ai import ApprovalRequired, RunContext

from assistant.data.datasets import DatasetError
from assistant.plans.continuing import NotContinued
from assistant.runs.continuing import latest_of, rest_of
from assistant.store.tables import ACTIVE, ProposalRow
from assistant.tools import Traits
from assistant.tools.desk import Desk
from engine.contract.jobs import SpecError

TRAITS = Traits(silent=True, asks_on="card", rather=("failed", "stopped"))


async def continue_run(ctx: RunContext[Desk], run: str | None = None) -> dict[str, Any]:
    """Start a failed or stopped training again: from its last checkpoint where there is one, else from its beginning.

    The user is asked first. Where the images have changed, or the training finished well, a new plan with the same settings is shown
    instead (`proposal` in the result): call start_training then, which asks for the yes.

    Args:
        run: id of the run, such as r12; left out: the one this conversation spoke of last.
    """
    desk = ctx.deps
    row = await latest_of(desk.runs, await desk.run(run, rather=("failed", "stopped")))
    if row.state in ACTIVE:
        raise desk.refuse(
            "run_active", f"run {row.id} has not ended yet: it is {row.state}", run=row.id, state=row.state
        )
    desk.folder(row)  # or it is refused
    if row.state == "succeeded":
        try:
            return _planned(await desk.cards.plan_again(row), run=row.id, why="succeeded")
        except (SpecError, DatasetError) as error:
            raise desk.refuse_input(error) from None
    rest = await rest_of(desk.runs, row)
    if not ctx.tool_call_approved:
        how = {"how": "anew"} if rest.after_epoch is None else {"how": "checkpoint", "epoch": rest.after_epoch}
        asked = {"run": row.id, "dataset": row.dataset, "model": row.subject, "epochs": rest.epochs, **how}
        raise ApprovalRequired(metadata=asked)
    try:
        made = await desk.cards.continue_run(row)
    except NotContinued as refused:
        raise desk.refuse(refused.code, str(refused), run=row.id) from None
    except (SpecError, DatasetError) as error:
        raise desk.refuse_input(error) from None
    if isinstance(made, ProposalRow):
        return _planned(made, run=row.id, why="data_unknown" if row.fingerprint is None else "data_changed")
    return {
        "run": made.id,
        "state": made.state,
        "continues": row.id,
        "after_epoch": rest.after_epoch,
        "epochs": rest.epochs,
        "waits_for": await desk.runs.waits_for(made),
    }


def _planned(plan: ProposalRow, *, run: str, why: str) -> dict[str, Any]:
    return {"proposal": plan.id, "dataset": plan.dataset, "model": plan.subject, "in_place_of": run, "why": why}
