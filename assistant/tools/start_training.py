"""Tool: start the training of an approved plan. Only the user's own yes makes a plan approved."""

from typing import Any

from pydantic_ai import ApprovalRequired, RunContext

from assistant.datasets import DatasetError
from assistant.plans import launch
from assistant.tools import Desk


async def start_training(ctx: RunContext[Desk], proposal: str | None = None) -> dict[str, Any]:
    """Start the training of a plan. The user is asked for a yes first; the run starts only then.

    Args:
        proposal: id of the plan, as propose_training gave it; left out: the open one.
    """
    desk = ctx.deps
    row = await desk.proposals.get(proposal) if proposal else await desk.proposals.latest_open(desk.conversation)
    if row is None or row.conversation != desk.conversation:
        what = f"there is no plan {proposal!r}" if proposal else "there is no open plan"
        raise desk.refuse("no_plan", f"{what}: call propose_training first")
    if row.state == "open":
        raise ApprovalRequired(metadata={"proposal": row.id, "revision": row.revision})
    if row.state != "approved":
        raise desk.refuse("no_plan", f"plan {row.id} was {row.state}: call propose_training for a new one")
    try:
        run = await launch(desk, row)
    except DatasetError as error:
        raise desk.refuse_input(error) from None
    return {"run": run.id, "state": run.state, "dataset": run.dataset, "model": run.model, "settings": run.spec}
