"""Tool: two to six finished trainings beside each other."""

import asyncio
from typing import Any

from pydantic_ai import RunContext

from assistant.telling import told
from assistant.telling.comparisons import compared
from assistant.telling.side_by_side import FEWEST, MOST
from assistant.tools.desk import Desk


async def compare_runs(ctx: RunContext[Desk], runs: list[str] | None = None) -> dict[str, Any]:
    """Compare finished trainings: which is better and how sure that is, per figure and per defect type, how their settings differ, and
    what cannot be compared and why.

    `sentences` are true of them, in the user's language; `answer` are those that tell it in short, in paragraphs.

    Args:
        runs: ids of two to six runs, such as r3 and r5; left out: the last two finished ones that this conversation spoke of.
    """
    desk = ctx.deps
    rows = [await desk.run(run) for run in dict.fromkeys(runs)] if runs else await _spoken_of(desk)
    if not FEWEST <= len(rows) <= MOST:
        many = len(rows)
        how = "name two to six of them" if runs else "fewer than two finished ones were spoken of: name two to six"
        raise desk.refuse("not_comparable", f"{many} runs cannot be compared: {how}", count=many)
    sentences, answer = await asyncio.to_thread(compared, rows, desk.runs.folder_of, desk.language)
    return {"runs": [row.id for row in rows], **told(sentences, answer)}


async def _spoken_of(desk: Desk) -> list[Any]:
    """The last two finished runs that the conversation spoke of, in the order of their numbers."""
    spoken = await desk.runs.some((await desk.memory.state()).runs)
    return sorted([row for row in spoken if row.state == "succeeded"][:FEWEST], key=lambda row: row.number)
