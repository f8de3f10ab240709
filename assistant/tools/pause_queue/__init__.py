"""Tool: pause the queue, and let it go on."""

from typing import Any, Literal

from pydantic_ai import RunContext

from assistant.tools import Traits
from assistant.tools.desk import Desk

TRAITS = Traits(changes=True)


async def pause_queue(ctx: RunContext[Desk], to: Literal["paused", "working"] = "paused") -> dict[str, Any]:
    """Pause the queue, so that no training starts any more, or let it go on. What runs goes on either way; a single training is stopped with
    stop_run.

    Args:
        to: "paused": nothing starts from now on (before maintenance, or to let the machine run empty); "working": what waits starts again.
    """
    runs = ctx.deps.runs
    was_paused = await runs.paused_since() is not None
    await (runs.pause() if to == "paused" else runs.resume())
    return {
        "queue": to,
        "changed": was_paused != (to == "paused"),
        "running": len(await runs.running()),
        "waiting": len(await runs.waiting()),
    }
