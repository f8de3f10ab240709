"""Tool: what a finished training measured."""

import asyncio
from typing import Any

from pydantic_ai import RunContext

from assistant.kinds.summary import run_facts, word
from assistant.runs.results import NoResults
from assistant.tools.desk import Desk


async def summarize_results(ctx: RunContext[Desk], run: str | None = None) -> dict[str, Any]:
    """Give the measured results of a training, those of its kind: of a detector AUROC, AUPR, threshold, missed defects, false
    alarms, per defect type; of a classifier balanced accuracy, accuracy, F1, per class.

    `text` is a finished wording in the user's language. A run that is queued or still running has no results yet:
    then only its state comes back, with finished=false. Every number said about the run must be one of these facts.

    Args:
        run: id of the run, such as r12; left out: the one this conversation spoke of last.
    """
    row = await ctx.deps.run(run)
    try:
        facts = await asyncio.to_thread(run_facts, row, ctx.deps.folder(row))
    except NoResults as error:
        if error.code == "unfinished":  # nothing went wrong: there is nothing to tell yet
            return {"run": row.id, "state": row.state, "dataset": row.dataset, "model": row.subject, "finished": False}
        raise ctx.deps.refuse("no_results", str(error), **error.values) from None
    return {**facts, "text": word(facts, ctx.deps.language)}
