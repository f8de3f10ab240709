"""Tool: delete a training; it can be restored for some days."""

from typing import Any

from pydantic_ai import ApprovalRequired, RunContext

from assistant.runs.deleting import RunKept, delete, refuse_what_is_needed
from assistant.tools import Traits
from assistant.tools.desk import Desk

TRAITS = Traits(asks_on="card", ends=True)


async def delete_run(ctx: RunContext[Desk], run: str | None = None) -> dict[str, Any]:
    """Delete a training: it is in no list any more, and its files go after some days. The user is asked first; restore_run brings it back.

    Args:
        run: id of the run, such as r12; left out: the latest of this conversation.
    """
    desk = ctx.deps
    row = await desk.run(run)
    desk.folder(row)  # of another home it is not deleted here
    try:
        await refuse_what_is_needed(desk.runs, row)
        if not ctx.tool_call_approved:
            raise ApprovalRequired(metadata={"run": row.id, "dataset": row.dataset, "model": row.subject})
        row = await delete(desk.runs, row)
    except RunKept as error:
        if error.code == "run_under_way":
            raise desk.refuse("run_under_way", str(error), **error.values) from None
        if error.code == "run_in_group":
            raise desk.refuse("run_in_group", str(error), **error.values) from None
        raise desk.refuse("run_in_use", str(error), **error.values) from None
    return {"deleted": row.id, "days": desk.settings.keep_deleted_days}
