"""Tool: the report of a finished training, one file to keep, send or print."""

import asyncio
from typing import Any

from pydantic_ai import RunContext

from assistant.kinds import kind_of
from assistant.runs.results import NoResults
from assistant.store.tables import SUCCEEDED
from assistant.tools.desk import Desk


async def make_report(ctx: RunContext[Desk], run: str | None = None) -> dict[str, Any]:
    """Make the report of a finished training: one HTML file with summary, threshold, tables, curves, heatmaps, settings, data and lineage.

    Args:
        run: id of the run, such as r12; left out: the latest finished one of this conversation.
    """
    desk = ctx.deps
    row = await desk.run(run, rather=SUCCEEDED)
    folder = desk.folder(row)
    try:
        await asyncio.to_thread(kind_of(row.kind).report, row, folder)
    except NoResults as error:
        raise desk.refuse("no_results", str(error), **error.values) from None
    return {"run": row.id, "report": f"/runs/{row.id}/report.html"}
