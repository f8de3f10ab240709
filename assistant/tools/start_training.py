"""Tool: start the training of an approved plan. Only the user's own yes makes a plan approved."""

from typing import Any

from pydantic_ai import ApprovalRequired, RunContext

from assistant.datasets import DatasetError
from assistant.estimates import count_work
from assistant.frames import RunItem
from assistant.store.tables import ProposalRow, RunRow
from assistant.tools import Desk
from assistant.tools.propose_training import plan_key
from engine.spec import TrainSpec


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


async def launch(desk: Desk, row: ProposalRow) -> RunRow:
    """Queue the run of an approved plan and show its card. However often it is called, a plan has one run.

    Raises:
        DatasetError: the data set is gone.
    """
    assert row.state == "approved", row.state
    facts = await desk.datasets.facts(row.dataset)
    spec = TrainSpec.model_validate(row.spec)
    key = f"{desk.conversation}/{row.id}"
    run = await desk.runs.add(
        spec, data_path=facts["path"], conversation=desk.conversation, key=key, estimate_s=count_work(spec, facts)
    )
    await desk.proposals.note_run(row.id, run.id)
    await desk.update(plan_key(row.id), state="approved", run=run.id)
    await desk.show(f"run-{run.id}", RunItem(run=run.id))
    return run
