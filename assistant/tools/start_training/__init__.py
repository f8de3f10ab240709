"""Tool: start the training of an approved plan. Only the user's own yes makes a plan approved."""

from typing import Any

from pydantic_ai import ApprovalRequired, RunContext

from assistant.data.datasets import DatasetError
from assistant.plans.launching import what_started
from assistant.plans.proposals import StalePlan
from assistant.store.tables import ProposalRow
from assistant.tools import Traits
from assistant.tools.desk import Desk
from engine.contract.jobs import SpecError

TRAITS = Traits(silent=True, asks_on="plan")


async def start_training(ctx: RunContext[Desk], proposal: str | None = None) -> dict[str, Any]:
    """Start the training of a plan. The user is asked for a yes first; the run starts only then.

    Args:
        proposal: id of the plan, as propose_training gave it; left out: the open one, else the one that was declined last.
    """
    desk = ctx.deps
    row = await desk.proposals.get(proposal) if proposal else await _meant(desk)
    if row is None or row.conversation != desk.conversation:
        what = f"there is no plan {proposal!r}" if proposal else "there is no open plan"
        raise desk.refuse("no_plan", f"{what}: call propose_training first")
    try:
        row = await desk.cards.reopen(row) if row.state in ("declined", "superseded") else row
    except StalePlan as error:
        raise desk.refuse("stale", str(error)) from None
    except (SpecError, DatasetError) as error:
        raise desk.refuse_input(error) from None
    if row.state == "open":
        raise ApprovalRequired(metadata={"proposal": row.id, "revision": row.revision})
    if row.run is not None:
        raise desk.refuse("plan_started", f"plan {row.id} was approved before, as {row.run}", run=row.run)
    try:  # approved, but its start was cut off
        return await what_started(desk.runs, await desk.cards.launch(row))
    except DatasetError as error:
        raise desk.refuse_input(error) from None


async def _meant(desk: Desk) -> ProposalRow | None:
    """The open plan; where there is none, the latest that was declined, which is asked about anew."""
    plans = await desk.proposals.of(desk.conversation)
    declined = [row for row in plans if row.state == "declined"]
    return next((row for row in reversed(plans) if row.state == "open"), declined[-1] if declined else None)
