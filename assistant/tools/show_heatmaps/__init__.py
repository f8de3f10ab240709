"""Tool: show inspected images with their heatmaps."""

import asyncio
from typing import Any

from pydantic_ai import RunContext

from assistant.frames import HeatmapsItem, Which
from assistant.runs.results import NoResults, defect_type_like, gallery, load
from assistant.tools.desk import Desk
from engine.contract.results.detect import DetectResults

DEFAULT_COUNT = 12
MOST = 200


async def show_heatmaps(
    ctx: RunContext[Desk],
    run: str | None = None,
    which: Which = "worst",
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
    try:
        results = await asyncio.to_thread(load, row, desk.runs.folder(row.id), DetectResults)
        defect_type = defect_type_like(results, defect_type) if defect_type is not None else None
        images, total = gallery(results, which=which, defect_type=defect_type, count=min(max(count, 1), MOST))
    except NoResults as error:
        raise desk.refuse("no_results", str(error), **error.values) from None
    except LookupError as error:
        raise desk.refuse("no_such_defect", str(error), defect_type=defect_type) from None
    if images:
        item = HeatmapsItem(
            run=row.id,
            which=which,
            defect_type=defect_type,
            threshold=results.metrics.threshold.image,
            total=total,
            images=images,
        )
        await desk.show(f"heatmaps-{ctx.tool_call_id}", item)
    return {
        "run": row.id,
        "which": which,
        "defect_type": defect_type,
        "threshold": results.metrics.threshold.image,
        "total": total,
        "shown": [
            {"name": image.name, "score": image.score, "outcome": image.outcome, "defect_type": image.defect_type}
            for image in images
        ],
    }
