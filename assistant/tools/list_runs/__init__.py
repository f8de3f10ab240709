"""Tool: which trainings there are."""

from typing import Any

from pydantic_ai import RunContext

from assistant.store.tables import RunState
from assistant.tools.desk import Desk

SHOWN = 20


async def list_runs(
    ctx: RunContext[Desk],
    state: RunState | None = None,
    dataset: str | None = None,
    model: str | None = None,
) -> dict[str, Any]:
    """List the trainings, the newest first.

    Args:
        state: only runs in this state.
        dataset: only runs on this data set.
        model: only runs of this model.
    """
    rows = await ctx.deps.runs.list(state=state, dataset=dataset, subject=model, limit=SHOWN)
    return {
        "runs": [
            {
                "run": row.id,
                "state": row.state,
                "dataset": row.dataset,
                "model": row.subject,
                "started": row.started_at.isoformat(timespec="minutes") if row.started_at else None,
                "image_auroc": (row.metrics or {}).get("image_auroc"),
                "reason": row.reason,
            }
            for row in rows
        ]
    }
