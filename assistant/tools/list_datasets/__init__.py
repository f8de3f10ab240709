"""Tool: which data sets are registered."""

from typing import Any

from pydantic_ai import RunContext

from assistant.tools.desk import Desk


async def list_datasets(ctx: RunContext[Desk]) -> dict[str, Any]:
    """List the registered data sets with their numbers of images."""
    rows = await ctx.deps.datasets.list()
    return {
        "datasets": [
            {
                "dataset": row.name,
                "good": row.facts.train_good,
                "test_good": row.facts.test_good,
                "test_defective": row.facts.test_defective,
                "defect_types": row.facts.defect_types,
                "synthetic": row.facts.synthetic,
            }
            for row in rows
        ]
    }
