"""Models of finished runs as files for other runtimes: asked for, followed, fetched."""

from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import FileResponse
from pydantic import BaseModel, ConfigDict

from engine.contract.results.exported import Format
from web.ids import Id, Name
from web.routes.workspace import Opened

router = APIRouter()


class Wish(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: Format


@router.post("/api/runs/{run}/export", status_code=202)
async def begin_export(run: Id, wish: Wish, workspace: Opened) -> dict[str, Any]:
    """Answers at once; `GET /api/runs/{run}/exports` tells how far it is."""
    return await workspace.exports.begin(run, wish.format)


@router.get("/api/runs/{run}/exports")
async def exports_of(run: Id, workspace: Opened) -> dict[str, Any]:
    return await workspace.exports.told(run)


@router.get("/runs/{run}/exports/{format}/{name}")
async def exported_file(run: Id, format: Format, name: Name, workspace: Opened) -> FileResponse:
    path = await workspace.exports.file(run, format, name)
    if path is None:
        raise HTTPException(404, f"run {run} has no such file of {format}")
    return FileResponse(path, filename=path.name, media_type="application/octet-stream")
