"""Tool: stop a training."""

from typing import Any

from pydantic_ai import ApprovalRequired, RunContext

from assistant.store.tables import ACTIVE
from assistant.tools import Traits
from assistant.tools.desk import Desk

TRAITS = Traits(silent=True, asks_on="card", ends=True)


async def stop_run(ctx: RunContext[Desk], run: str | None = None) -> dict[str, Any]:
    """Stop a waiting or running training. The user is asked first. It can be continued later (continue_run).

    Args:
        run: id of the run, such as r12; left out: the one of this conversation that is running.
    """
    desk = ctx.deps
    if run is None and not [row for state in ("running", "queued") for row in await desk.runs.list(state=state)]:
        raise desk.refuse("nothing_runs", "no training is running or waiting")
    row = await desk.run(run, rather=ACTIVE)
    if row.state not in ACTIVE and not ctx.tool_call_approved:
        raise desk.refuse("run_ended", f"run {row.id} has ended already ({row.state})", run=row.id, state=row.state)
    if not ctx.tool_call_approved:
        raise ApprovalRequired(metadata={"run": row.id, "dataset": row.dataset, "model": row.subject})
    row = await desk.runs.stop(row.id)
    return {"run": row.id, "state": row.state, "stop_requested": row.stop_requested}
