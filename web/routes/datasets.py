"""Data sets: list, page, pictures, add by path, upload, remove."""

import asyncio
from enum import IntEnum
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from assistant.data.archives import NoRoom
from assistant.data.datasets import no_room
from assistant.data.uploads import receive, under_way
from assistant.store.tables import DatasetRow
from assistant.workspace import Workspace
from engine.contract.data import Picture
from web.ids import Name
from web.kept import kept
from web.routes.workspace import Drawn, Opened, Shown

router = APIRouter()
MAX_ARCHIVE_BYTES = 50 << 30
SHOWN_IMAGES = 240
STRIP = 6  # images on a card
Relative = Annotated[str, Query(max_length=4000, pattern=r"^[^\x00]+$")]  # no path holds a null character


class Size(IntEnum):
    """Longer side of a picture in pixels; few sizes, so that few are kept in the cache."""

    STRIP = 160
    CARD = 320
    WHOLE = 1024


class NewDataset(BaseModel):
    name: str = Field(min_length=1, max_length=200)
    path: str = Field(min_length=1, max_length=4000)


class NewName(BaseModel):
    name: str = Field(min_length=1, max_length=200)


@router.get("/data")
async def list_datasets(request: Request, workspace: Opened, renderer: Drawn) -> Response:
    rows = await workspace.datasets.list()
    samples = {row.name: await _samples(workspace, row.name) for row in rows}
    return await renderer.page(request, "data", datasets=rows, samples=samples)


@router.get("/data/{name}")
async def show_dataset(
    request: Request,
    name: Name,
    workspace: Opened,
    renderer: Drawn,
    group: str = "",
    page: int = Query(default=1, ge=1, le=100_000),
) -> Response:
    """Thumbnails by split and defect type, a page of them at a time."""
    row = await workspace.datasets.get(name)
    images = await workspace.datasets.images(name)
    groups: dict[str, int] = {}
    for image in images:
        groups[_group(image)] = groups.get(_group(image), 0) + 1
    chosen = [image for image in images if not group or _group(image) == group]
    first = (page - 1) * SHOWN_IMAGES
    return await renderer.page(
        request, "dataset", dataset=row, groups=groups, group=group, images=chosen[first : first + SHOWN_IMAGES],
        total=len(chosen), number=page, last=max(1, -(-len(chosen) // SHOWN_IMAGES)),
    )  # fmt: skip


@router.get("/data/{name}/image")
async def picture(
    request: Request, name: Name, relative: Relative, workspace: Opened, pictures: Shown, size: Size = Size.CARD
) -> Response:
    """One image of a data set, made small enough for the page and readable for every browser."""
    try:
        path = await workspace.datasets.image_path(name, relative)
    except LookupError as error:
        raise HTTPException(404, str(error)) from error
    return await asyncio.to_thread(kept, request, await pictures.get(path, size.value))


@router.get("/api/datasets")
async def describe_datasets(workspace: Opened) -> list[dict[str, Any]]:
    return [describe(row) for row in await workspace.datasets.list()]


@router.post("/api/datasets", status_code=201)
async def add_dataset(new: NewDataset, workspace: Opened) -> dict[str, Any]:
    return describe(await workspace.datasets.add(new.name, Path(new.path.strip().strip('"'))))


@router.put("/api/datasets/{name}/archive", status_code=201, max_body_size=MAX_ARCHIVE_BYTES)
async def upload_archive(request: Request, name: Name, workspace: Opened) -> dict[str, Any]:
    """A zip as the raw body, streamed to a file that is gone again whatever happens."""
    name = await workspace.datasets.free_name(name)
    async with under_way(workspace.settings) as upload:
        announced = int(request.headers.get("content-length") or 0)
        try:
            await receive(request.stream(), upload.part, announced=announced)
        except NoRoom as error:
            raise no_room(str(error)) from None
        return describe(await workspace.datasets.add_archive(name, upload.part, upload))


@router.patch("/api/datasets/{name}")
async def rename_dataset(name: Name, new: NewName, workspace: Opened) -> dict[str, Any]:
    return describe(await workspace.rename_dataset(name, new.name))


@router.delete("/api/datasets/{name}", status_code=204)
async def remove_dataset(name: Name, workspace: Opened) -> None:
    await workspace.datasets.remove(name)


def describe(row: DatasetRow) -> dict[str, Any]:
    return {"name": row.name, "path": row.path, "layout": row.layout, "origin": row.origin, "facts": row.facts.told()}


async def _samples(workspace: Workspace, name: str) -> list[Picture]:
    """A few telling images for the card: one of each kind first."""
    images = await workspace.datasets.images(name)
    kinds = {_group(image): image for image in reversed(images)}
    shown = {image.name for image in kinds.values()}
    rest = (image for image in images if image.name not in shown)
    return [*kinds.values(), *islice(rest, STRIP)][:STRIP]


def _group(image: Picture) -> str:
    return f"{image.split}/{image.defect_type or image.label}"
