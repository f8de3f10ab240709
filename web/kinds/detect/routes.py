"""What a detection serves beside what every run does: the regions of an image, and good pictures to compare them with."""

import asyncio
from pathlib import Path as FilePath
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Path, Request
from fastapi.responses import Response

from assistant.kinds.detect import KIND
from assistant.kinds.detect.findings import finding, normal_picture
from assistant.store.tables import RunRow
from assistant.workspace import Workspace
from web.ids import Id
from web.kept import kept
from web.routes.runs import Index
from web.routes.workspace import Opened, Shown

router = APIRouter()
Rank = Annotated[int, Path(ge=0, le=99)]
NORMAL_SIZE = 1024  # longer side in pixels of a picture that a patch is cut from


@router.get("/api/runs/{run}/regions/{index}")
async def run_regions(run: Id, index: Index, workspace: Opened) -> dict[str, Any]:
    """The regions of one inspected image, and how sure its verdict is."""
    row = await _detection(workspace, run)
    found = await asyncio.to_thread(finding, row, workspace.runs.folder_of(row), index)
    return found.facts() if found else {"image": None, "regions": []}


@router.get("/runs/{run}/normals/{index}/{region}/{rank}")
async def show_normal_picture(
    request: Request, run: Id, index: Index, region: Rank, rank: Rank, workspace: Opened, pictures: Shown
) -> Response:
    """The picture learnt from whose good patch is shown beside a region, made small."""
    row = await _detection(workspace, run)
    folder = workspace.runs.folder_of(row)
    try:
        path = await asyncio.to_thread(
            normal_picture, row, folder, FilePath(row.data_path), index=index, region=region, rank=rank
        )
    except LookupError as error:
        raise HTTPException(404, str(error)) from error
    return await asyncio.to_thread(kept, request, await pictures.get(path, NORMAL_SIZE))


async def _detection(workspace: Workspace, run: str) -> RunRow:
    row = await workspace.runs.get(run)
    if row.kind != KIND.name:
        raise HTTPException(404, f"run {run} looks for no defects")
    return row
