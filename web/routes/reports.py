"""Reports of runs that compute on other machines, and what these take from here: assistant/runs/reports.py over HTTP.

Whoever asks shows the token of one attempt of one run, and is let in to that alone. Names in addresses are those of a run's folder.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Depends, Header, Path, Request
from fastapi.responses import Response, StreamingResponse
from pydantic import Base64Bytes, BaseModel, ConfigDict, Field

from assistant.runs.reports import MOST_EVENTS_BYTES, MOST_FILE_BYTES, Reports
from assistant.runs.run_tokens import Bearer
from web.ids import Id
from web.routes.workspace import Opened

router = APIRouter(prefix="/api/reports/{run}/{attempt}")
MOST_DONE_BYTES = 64 << 20  # the names of many pictures
BLOCK_BYTES = 1 << 18
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def _reports(workspace: Opened) -> Reports:
    return workspace.reports


async def _bearer(
    run: Id,
    attempt: Annotated[int, Path(ge=1, le=999_999)],
    reports: Annotated[Reports, Depends(_reports)],
    authorization: Annotated[str, Header(max_length=4000)] = "",
) -> Bearer:
    return await reports.let_in(run, attempt, authorization)


Taken = Annotated[Reports, Depends(_reports)]
From = Annotated[Bearer, Depends(_bearer)]


class Heartbeat(BaseModel):
    """A sign of life: the machine's name, and what the process printed from byte `log_at` of its log on."""

    model_config = ConfigDict(extra="forbid")
    node: str = Field(default="", max_length=200)
    log_at: int = Field(default=0, ge=0)
    printed: Base64Bytes = b""


class Done(BaseModel):
    """What has ended: how the process ended, the files that it left, and the last line of its event log where that is a last word."""

    model_config = ConfigDict(extra="forbid")
    exit_code: int | None = Field(default=None, ge=-255, le=255)
    why: str | None = Field(default=None, max_length=40)
    files: dict[str, Sha256] = Field(default_factory=dict, max_length=500_000)
    last_word: str | None = None


@router.get("/order")
async def order(bearer: From, reports: Taken) -> dict[str, Any]:
    return await reports.order(bearer)


@router.post("/events", max_body_size=MOST_EVENTS_BYTES)
async def take_events(request: Request, bearer: From, reports: Taken) -> dict[str, int]:
    """Lines of the event log as they stand there."""
    return {"seq": await reports.take_events(bearer, await request.body())}


@router.post("/heartbeat")
async def hear(beat: Heartbeat, bearer: From, reports: Taken) -> dict[str, Any]:
    heard = await reports.hear(bearer, node=beat.node, log_at=beat.log_at, printed=beat.printed)
    return {"stop": heard.stop, "log_at": heard.log_at, "token": heard.token}


@router.get("/files")
async def list_files(bearer: From, reports: Taken) -> list[str]:
    return await reports.files(bearer)


@router.get("/files/{name:path}")
async def send_file(name: str, bearer: From, reports: Taken) -> Response:
    return _streamed(await reports.file(bearer, name))


@router.put("/files/{name:path}", max_body_size=MOST_FILE_BYTES)
async def take_file(
    request: Request, name: str, bearer: From, reports: Taken, x_sha256: Annotated[Sha256, Header()]
) -> dict[str, str]:
    announced = int(request.headers.get("content-length") or 0)
    await reports.take_file(bearer, name, x_sha256, request.stream(), announced=announced)
    return {"sha256": x_sha256}


@router.get("/needs/{need}/files")
async def list_needed(need: Id, bearer: From, reports: Taken) -> list[str]:
    return await reports.files(bearer, of=need)


@router.get("/needs/{need}/files/{name:path}")
async def send_needed(need: Id, name: str, bearer: From, reports: Taken) -> Response:
    return _streamed(await reports.file(bearer, name, of=need))


@router.get("/data")
async def list_data(bearer: From, reports: Taken) -> Response:
    """Names need not be text everywhere: escaped, they pass as they are."""
    folder, files = await reports.data(bearer)
    told = [{"name": file.name, "sha256": file.sha256, "bytes": file.size} for file in files]
    content = await asyncio.to_thread(json.dumps, {"folder": folder, "files": told})
    return Response(content, media_type="application/json")


@router.get("/data/{sha256}")
async def send_data(sha256: Annotated[str, Path(pattern="^[0-9a-f]{64}$")], bearer: From, reports: Taken) -> Response:
    return _streamed(await reports.data_file(bearer, sha256))


@router.post("/done", max_body_size=MOST_DONE_BYTES)
async def done(ended: Done, bearer: From, reports: Taken) -> dict[str, bool]:
    await reports.done(bearer, **dict(ended))
    return {"done": True}


def _streamed(file: BinaryIO) -> Response:
    return StreamingResponse(_blocks(file), media_type="application/octet-stream")


async def _blocks(file: BinaryIO) -> AsyncIterator[bytes]:
    try:
        while block := await asyncio.to_thread(file.read, BLOCK_BYTES):
            yield block
    finally:
        await asyncio.to_thread(file.close)
