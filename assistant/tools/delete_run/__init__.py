"""Tool: delete a training; it can be restored for some days."""

from typing import Any

from pydantic_ai import ApprovalRequired, ModelRetry, RunContext

from assistant.runs.deleting import RunKept, delete, refuse_what_is_needed
from assistant.store.tables import GroupRow
from assistant.tools import Traits
from assistant.tools.desk import Desk

TRAITS = Traits(asks_on="card", ends=True, groups=True)


async def delete_run(ctx: RunContext[Desk], run: str | None = None) -> dict[str, Any]:
    """Delete a training: it is in no list any more, and its files go after some days. The user is asked first; restore_run brings it back.

    Args:
        run: id of the run, such as r12, or of a group of runs that has ended, such as g1, all of which are deleted then; left out: the latest
            run of this conversation.
    """
    desk = ctx.deps
    if (group := await desk.group(run)) is not None:
        return await _delete_all(desk, group, is_approved=ctx.tool_call_approved)
    row = await desk.run(run)
    desk.folder(row)  # of another home it is not deleted here
    try:
        await refuse_what_is_needed(desk.runs, row)
        if not ctx.tool_call_approved:
            raise ApprovalRequired(metadata={"run": row.id, "dataset": row.dataset, "model": row.subject})
        row = await delete(desk.runs, row)
    except RunKept as error:
        raise _kept(desk, error) from None
    return {"deleted": row.id, "days": desk.settings.keep_deleted_days}


async def _delete_all(desk: Desk, group: GroupRow, *, is_approved: bool) -> dict[str, Any]:
    """The runs of a group that are not deleted yet, all or none."""
    rows = [row for row in await desk.runs.of_group(group.id) if row.deleted_at is None]
    if group.ended is None:
        raise desk.refuse("run_under_way", f"group {group.id} goes on: stop it first", run=group.id)
    if not rows:
        raise desk.refuse("group_empty", f"group {group.id} has no runs, or no longer", group=group.id)
    try:
        for row in rows:
            desk.folder(row)
            await refuse_what_is_needed(desk.runs, row)
        if not is_approved:
            asked = {"group": group.id, "how": "group", "runs": ", ".join(row.id for row in rows)}
            raise ApprovalRequired(metadata=asked)
        for row in rows:
            await delete(desk.runs, row)
    except RunKept as error:
        raise _kept(desk, error) from None
    return {"group": group.id, "deleted": [row.id for row in rows], "days": desk.settings.keep_deleted_days}


def _kept(desk: Desk, error: RunKept) -> ModelRetry:
    if error.code == "run_under_way":
        return desk.refuse("run_under_way", str(error), **error.values)
    if error.code == "run_in_group":
        return desk.refuse("run_in_group", str(error), **error.values)
    return desk.refuse("run_in_use", str(error), **error.values)
