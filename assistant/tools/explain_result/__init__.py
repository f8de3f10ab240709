"""Tool: what the figures of a finished training mean."""

import asyncio
from typing import Any, Literal

from pydantic_ai import RunContext

from assistant.runs.results import NoResults
from assistant.runs.same_data import on_the_same_data
from assistant.store.tables import SUCCEEDED, RunState
from assistant.telling import offers_of, outlined, sentences_of, told
from assistant.telling.progress import OUTLINE, claims_of_progress
from assistant.telling.runs import answer_of, sentences_of_run
from assistant.tools import Traits
from assistant.tools.desk import Desk

WITHOUT_RESULTS: tuple[RunState, ...] = ("failed", "stopped")

TRAITS = Traits(rather=SUCCEEDED)

Question = Literal["good", "trust", "overfit", "why", "worst"]


async def explain_result(ctx: RunContext[Desk], question: Question = "good", run: str | None = None) -> dict[str, Any]:
    """Say what the results of a finished training mean, from its evidence: whether they are good and by which measure, how far they can be
    trusted, whether it overfitted, why it misses defects or raises false alarms, which defect type or class is worst, what to do next.

    `sentences` are true of it, in the user's language; `answer` are those that answer the question, in paragraphs.

    Args:
        question: good: is it any good; trust: can it be relied upon; overfit: did it learn its images by heart; why: why does it miss or
            reject so many; worst: which defect type or class is found least.
        run: id of the run, such as r12; left out: the finished one this conversation spoke of last; of why the last one, failed or not.
    """
    row = await ctx.deps.run(run, rather=() if question == "why" else SUCCEEDED)
    if row.state in WITHOUT_RESULTS:  # why it failed is an answer too
        sentences = sentences_of(claims_of_progress(row, {}), ctx.deps.language)
        return {
            "run": row.id,
            "question": question,
            "state": row.state,
            **told(sentences, outlined(sentences, OUTLINE)),
        }
    try:
        others = await on_the_same_data(ctx.deps.runs, row)
        sentences = await asyncio.to_thread(sentences_of_run, row, ctx.deps.folder(row), ctx.deps.language, others)
    except NoResults as error:
        raise ctx.deps.refuse("no_results", str(error), **error.values) from None
    answer = answer_of(row.kind, question, sentences)
    ctx.deps.offer(offers_of(sentences, answer))
    meant = {id for paragraph in answer for id in paragraph}
    return {"run": row.id, "question": question, **told([each for each in sentences if each.id in meant], answer)}
