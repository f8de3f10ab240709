"""Tool: write a name, a note or tags on a training."""

from typing import Any

from pydantic_ai import RunContext

from assistant.runs.labels import BadLabel, labels
from assistant.tools import Traits
from assistant.tools.desk import Desk

TRAITS = Traits(changes=True)


async def edit_run(
    ctx: RunContext[Desk],
    run: str | None = None,
    name: str | None = None,
    note: str | None = None,
    tags: list[str] | None = None,
) -> dict[str, Any]:
    """Give a training a name, a note or tags. What is left out stays as it is.

    Args:
        run: id of the run, such as r12; left out: the latest of this conversation.
        name: what to call it; empty takes the name away.
        note: what to remember of it.
        tags: all tags that it is to have.
    """
    desk = ctx.deps
    row = await desk.run(run)
    try:
        written = labels(name=name, note=note, tags=tags)
    except BadLabel as error:
        raise desk.refuse("bad_label", str(error), run=row.id, **error.values) from None
    if not written:
        raise desk.refuse("nothing_to_write", "say the name, the note or the tags", run=row.id)
    row = await desk.runs.write(row.id, **written)
    return {"run": row.id, "name": row.name, "note": row.note, "tags": row.tags, "written": sorted(written)}
