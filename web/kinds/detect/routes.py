"""What a detection serves beside what every run does: its threshold, the regions of an image, good pictures to compare them with."""

import asyncio
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Path, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from assistant.kinds.detect import KIND
from assistant.kinds.detect.findings import finding, normal_named
from assistant.runs.learnt_pictures import picture_learnt_from
from assistant.runs.thresholds import options, read_asked, set_threshold, would
from assistant.store.tables import RunRow
from assistant.workspace import Workspace
from web.ids import Id
from web.kept import kept
from web.routes.runs import Index
from web.routes.workspace import Opened, Shown

router = APIRouter()
Rank = Annotated[int, Path(ge=0, le=99)]
Place = Annotated[
    Literal["highest"] | Annotated[int, Field(ge=0, le=99)], Path()
]  # a region, or where the map is highest
NORMAL_SIZE = 1024  # longer side in pixels of a picture that a patch is cut from


class NewThreshold(BaseModel):
    """What a page sends: one wish (engine/contract/another_threshold.py `Asked`), the version it shows, and why."""

    asked: dict[str, Any]
    seen: int = Field(ge=1)
    why: str | None = Field(default=None, max_length=500)


@router.get("/api/runs/{run}/threshold")
async def run_threshold(run: Id, workspace: Opened) -> dict[str, Any]:
    """The one in force, its versions, what is offered and what each costs, and how the pixel threshold goes along."""
    return await options(workspace.runs, await workspace.runs.get(run))


@router.get("/api/runs/{run}/threshold/would")
async def threshold_would(request: Request, run: Id, workspace: Opened) -> dict[str, Any]:
    """What a wish, given as the query, would cost. Nothing is set."""
    asked = await asyncio.to_thread(read_asked, dict(request.query_params))
    return await would(workspace.runs, await workspace.runs.get(run), asked)


@router.post("/api/runs/{run}/threshold")
async def set_run_threshold(run: Id, wish: NewThreshold, workspace: Opened) -> dict[str, Any]:
    """A person's own setting: the same as `run_threshold` tells, and the metrics at it."""
    asked = await asyncio.to_thread(read_asked, wish.asked)
    row = await workspace.runs.get(run)
    row = await set_threshold(workspace.runs, row, asked, who="page", seen=wish.seen, why=wish.why or None)
    return {**await options(workspace.runs, row), "metrics": row.metrics}


@router.get("/api/runs/{run}/regions/{index}")
async def run_regions(run: Id, index: Index, workspace: Opened) -> dict[str, Any]:
    """The regions of one inspected image, and how sure its verdict is."""
    row = await _detection(workspace, run)
    found = await asyncio.to_thread(finding, row, workspace.runs.folder_of(row), index)
    return found.facts() if found else {"image": None, "regions": []}


@router.get("/runs/{run}/normals/{index}/{region}/{rank}")
async def show_normal_picture(
    request: Request, run: Id, index: Index, region: Place, rank: Rank, workspace: Opened, pictures: Shown
) -> Response:
    """The picture learnt from whose good patch is shown beside a region, made small."""
    row = await _detection(workspace, run)
    folder = workspace.runs.folder_of(row)
    try:
        at = None if region == "highest" else region
        name = await asyncio.to_thread(normal_named, row, folder, index=index, region=at, rank=rank)
    except LookupError as error:
        raise HTTPException(404, str(error)) from error
    if (path := await picture_learnt_from(workspace.runs, row, name)) is None:
        raise HTTPException(404, f"the picture {name!r} is not in the data set any more")
    return await asyncio.to_thread(kept, request, await pictures.get(path, NORMAL_SIZE))


async def _detection(workspace: Workspace, run: str) -> RunRow:
    row = await workspace.runs.get(run)
    if row.kind != KIND.name:
        raise HTTPException(404, f"run {run} looks for no defects")
    return row
