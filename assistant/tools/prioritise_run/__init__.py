"""Tool: let a waiting training go before the others."""

from typing import Any

from pydantic_ai import RunContext

from assistant.store.tables import WAITING
from assistant.tools import Traits
from assistant.tools.desk import Desk

TRAITS = Traits(changes=True, rather=WAITING)


async def prioritise_run(ctx: RunContext[Desk], run: str | None = None) -> dict[str, Any]:
    """Put a training that waits in the queue before all others that wait: it is the next to start. What runs already is not stopped for it.

    Args:
        run: id of the run, such as r12; left out: the one of this conversation that waits.
    """
    desk = ctx.deps
    row = await desk.run(run, rather=WAITING)
    desk.folder(row)  # of another home, its queue is not ours
    if await desk.runs.put_first(row.id) is None:
        raise desk.refuse(
            "waits_no_more", f"run {row.id} does not wait any more ({row.state})", run=row.id, state=row.state
        )
    paused = await desk.runs.paused_since() is not None
    return {"run": row.id, "waiting": len(await desk.runs.waiting()), "paused": paused}
