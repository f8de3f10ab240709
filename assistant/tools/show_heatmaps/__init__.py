"""Tool: show inspected images with their heatmaps."""

import asyncio
from typing import Annotated, Any

from pydantic import Field
from pydantic_ai import RunContext

from assistant.kinds import kind_names, kind_of
from assistant.runs.results import NoResults
from assistant.tools.desk import Desk

DEFAULT_COUNT = 12
MOST = 200
GALLERIES = list(dict.fromkeys(each for name in kind_names() for each in kind_of(name).galleries))
Which = Annotated[str, Field(json_schema_extra={"enum": [*GALLERIES]})]


async def show_heatmaps(
    ctx: RunContext[Desk],
    run: str | None = None,
    which: Which | None = None,
    defect_type: str | None = None,
    count: int = DEFAULT_COUNT,
) -> dict[str, Any]:
    """Show a gallery of inspected images with their heatmaps to the user.

    Args:
        run: id of the run, such as r12; left out: the one this conversation spoke of last.
        which: worst (highest scores), missed (defects below the threshold), false_alarms (good ones above it), or all.
        defect_type: only images of this defect type.
        count: how many images at the most.
    """
    desk = ctx.deps
    row = await desk.run(run)
    shown = kind_of(row.kind).gallery
    try:
        item = await asyncio.to_thread(
            shown,
            row,
            desk.folder(row),
            which=which,
            defect_type=defect_type,
            count=min(max(count, 1), MOST),
        )
    except NoResults as error:
        raise desk.refuse("no_results", str(error), **error.values) from None
    except LookupError as error:
        raise desk.refuse("no_such_defect", str(error), defect_type=defect_type) from None
    if item.images:
        await desk.show(f"heatmaps-{ctx.tool_call_id}", item)
    return {
        "run": row.id,
        "which": item.which,
        "defect_type": item.defect_type,
        "threshold": item.threshold,
        "total": item.total,
        "shown": [
            {"name": image.name, "score": image.score, "outcome": image.outcome, "defect_type": image.defect_type}
            for image in item.images
        ],
    }
