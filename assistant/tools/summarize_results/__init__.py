"""Tool: what a finished training measured."""

import asyncio
from typing import Any

from pydantic_ai import RunContext

from assistant.kinds.summary import run_facts
from assistant.runs.results import NoResults
from assistant.runs.same_data import on_the_same_data
from assistant.store.tables import ENDED
from assistant.telling import offers_of, told
from assistant.telling.runs import answer_of, sentences_of_run
from assistant.tools import Traits
from assistant.tools.desk import Desk

TRAITS = Traits(rather=("succeeded",))


async def summarize_results(ctx: RunContext[Desk], run: str | None = None) -> dict[str, Any]:
    """Give the measured results of a training, those of its kind: of a detector AUROC, AUPR, threshold, missed defects, false
    alarms, per defect type; of a classifier balanced accuracy, accuracy, F1, per class.

    `sentences` are true of it, in the user's language; `answer` are those that tell it in short, in paragraphs. A run that is queued or
    still running has no results yet: then only its state comes back, with finished=false.

    Args:
        run: id of the run, such as r12; left out: the one this conversation spoke of last.
    """
    row = await ctx.deps.run(run, rather=ENDED)
    try:
        folder = ctx.deps.folder(row)
        facts = await asyncio.to_thread(run_facts, row, folder)
        others = await on_the_same_data(ctx.deps.runs, row)
        sentences = await asyncio.to_thread(sentences_of_run, row, folder, ctx.deps.language, others)
    except NoResults as error:
        if error.code == "unfinished":  # nothing went wrong: there is nothing to tell yet
            return {"run": row.id, "state": row.state, "dataset": row.dataset, "model": row.subject, "finished": False}
        raise ctx.deps.refuse("no_results", str(error), **error.values) from None
    answer = answer_of(row.kind, "summary", sentences)
    ctx.deps.offer(offers_of(sentences, answer))
    return {**facts, **told(sentences, answer)}
