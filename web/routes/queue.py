"""The queue: what runs and waits, paused and resumed, and which run goes next."""

from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from assistant.runs.queue import WaitsNoMore
from assistant.workspace import Workspace
from web.ids import Id
from web.routes.workspace import Opened

router = APIRouter()


@router.get("/api/queue")
async def describe_queue(workspace: Opened) -> dict[str, Any]:
    """That of this home. `paused_since`: nothing starts since then, and what runs goes on; null: it works."""
    return await queue_told(workspace)


@router.post("/api/queue/pause")
async def pause_queue(workspace: Opened) -> dict[str, Any]:
    await workspace.runs.pause()
    return await queue_told(workspace)


@router.post("/api/queue/resume")
async def resume_queue(workspace: Opened) -> dict[str, Any]:
    await workspace.runs.resume()
    return await queue_told(workspace)


class Priority(BaseModel):
    """Of the runs that wait the highest goes first; null: before all that wait."""

    model_config = ConfigDict(extra="forbid")
    priority: Annotated[int, Field(ge=-1_000_000, le=1_000_000)] | None = None


@router.post("/api/runs/{run}/priority")
async def prioritise(run: Id, wanted: Priority, workspace: Opened) -> dict[str, Any]:
    row = await workspace.runs.get(run)
    changed = await (
        workspace.runs.put_first(row.id)
        if wanted.priority is None
        else workspace.runs.prioritise(row.id, wanted.priority)
    )
    if changed is None:
        raise WaitsNoMore(row.id)
    return {"run": changed.id, "priority": changed.priority, **await queue_told(workspace)}


async def queue_told(workspace: Workspace) -> dict[str, Any]:
    """Since when it is paused, the runs that run and those that wait in their order, and how many may run at once: on each of the devices,
    or altogether where there are none (assistant/runs/devices.py)."""
    runs = workspace.runs
    since = await runs.paused_since()
    return {
        "paused_since": since.isoformat() if since else None,
        "running": [row.id for row in await runs.running()],
        "waiting": [row.id for row in await runs.waiting()],
        "slots": workspace.settings.slots,
        "devices": list(await runs.devices()),
    }
