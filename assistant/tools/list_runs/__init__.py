"""Tool: which trainings there are."""

from typing import Any

from pydantic_ai import RunContext

from assistant.kinds.summary import headline_of
from assistant.store.tables import RunRow, RunState
from assistant.telling import sentences_of, told
from assistant.telling.progress import claims_of_list
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
    sentences = sentences_of(claims_of_list(rows), ctx.deps.language)
    listed = [
        {
            "run": row.id,
            "state": row.state,
            "dataset": row.dataset,
            "model": row.subject,
            "started": row.started_at.isoformat(timespec="minutes") if row.started_at else None,
            "headline": _headline(row),
            "reason": row.reason,
        }
        for row in rows
    ]
    return {"runs": listed, **told(sentences, [[each.id for each in sentences]])}


def _headline(row: RunRow) -> dict[str, Any] | None:
    """The figure that tells the run in one."""
    told = headline_of(row)
    return {"metric": told[0], "value": told[1]} if told is not None else None
