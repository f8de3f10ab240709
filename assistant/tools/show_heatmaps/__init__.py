"""Tool: show inspected images with their heatmaps."""

import asyncio
from typing import Annotated, Any

from pydantic import Field
from pydantic_ai import RunContext

from assistant.kinds import kind_names, kind_of
from assistant.runs.results import NoResults
from assistant.store.tables import ENDED
from assistant.tools import Traits
from assistant.tools.desk import Desk

DEFAULT_COUNT = 12
MOST = 200
GALLERIES = {name: kind_of(name).galleries for name in kind_names()}
NAMES = list(dict.fromkeys(name for each in GALLERIES.values() for name in each))
DESCRIBED = "; ".join(
    f"of a run of the kind {kind}: {', '.join(f'{name} ({holds})' for name, holds in each.items())}"
    for kind, each in GALLERIES.items()
)
Which = Annotated[str, Field(json_schema_extra={"enum": [*NAMES]})]

TRAITS = Traits(rather=("succeeded",))


async def show_heatmaps(
    ctx: RunContext[Desk],
    run: str | None = None,
    which: Annotated[Which | None, Field(description=DESCRIBED)] = None,
    defect_type: str | None = None,
    count: int = DEFAULT_COUNT,
) -> dict[str, Any]:
    """Show a gallery of inspected images to the user, with heatmaps of what the model saw in them.

    Args:
        run: id of the run, such as r12; left out: the one this conversation spoke of last.
        defect_type: only images of this defect type or class.
        count: how many images at the most.
    """
    desk = ctx.deps
    row = await desk.run(run, rather=ENDED)
    kind = kind_of(row.kind)
    if which is not None and which not in kind.galleries:
        known = list(kind.galleries)
        message = f"no images of the sort {which!r} for run {row.id} (have: {', '.join(known)})"
        raise desk.refuse("no_such_gallery", message, task=kind.name, run=row.id, known=known)
    try:
        item = await asyncio.to_thread(
            kind.gallery,
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
        "task": kind.name,
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
