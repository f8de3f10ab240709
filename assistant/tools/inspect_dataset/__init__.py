"""Tool: what is in a data set."""

from typing import Any

from pydantic_ai import RunContext

from assistant.data.datasets import DatasetError
from assistant.data.left_out import by_reason
from assistant.telling import outlined, sentences_of, told
from assistant.telling.data import OUTLINE, claims_of_dataset
from assistant.tools.desk import Desk

SHOWN_BROKEN = 5


async def inspect_dataset(ctx: RunContext[Desk], dataset: str) -> dict[str, Any]:
    """Look inside a data set: images per class and defect type, masks, sizes, broken files, files that are not used and why, notices.

    Args:
        dataset: name of a registered data set, as list_datasets gives it.
    """
    try:
        facts = await ctx.deps.datasets.facts(dataset)
    except DatasetError as error:
        raise ctx.deps.refuse_input(error) from None
    broken = {"broken": [each.told() for each in facts.broken[:SHOWN_BROKEN]], "broken_count": len(facts.broken)}
    kept = {key: value for key, value in facts.told().items() if key not in ("path", "fingerprint", "problems")}
    sentences = sentences_of(claims_of_dataset(facts), ctx.deps.language)
    return kept | broken | {"left_out": by_reason(facts.left_out)} | told(sentences, outlined(sentences, OUTLINE))
