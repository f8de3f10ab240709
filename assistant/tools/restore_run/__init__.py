"""Tool: bring a deleted training back."""

from typing import Any

from pydantic_ai import RunContext

from assistant.runs.deleting import NotRestored, restore
from assistant.runs.queue import UnknownRun
from assistant.tools import Traits
from assistant.tools.desk import Desk

TRAITS = Traits(changes=True)


async def restore_run(ctx: RunContext[Desk], run: str | None = None) -> dict[str, Any]:
    """Bring a deleted training back as it was (the undo of delete_run).

    Args:
        run: id of the run, such as r12; left out: the one that was deleted last.
    """
    desk = ctx.deps
    if run is None:
        deleted = [row for row in await desk.runs.deleted() if desk.runs.place.has(row)]
        if not deleted:
            raise desk.refuse("nothing_deleted", "no run that was deleted can be restored")
        run = deleted[0].id
    try:
        row = await desk.runs.get(run, also_deleted=True)
        was_deleted = row.deleted_at is not None
        row = await restore(desk.runs, row)
    except UnknownRun as error:
        raise desk.refuse("unknown_run", str(error), run=run) from None
    except NotRestored as error:
        raise desk.refuse("files_removed", str(error), **error.values) from None
    return {"run": row.id, "was_deleted": was_deleted, "dataset": row.dataset, "model": row.subject}
