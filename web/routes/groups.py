"""Groups of runs: page, card, facts, stop."""

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, Response

from assistant.groups.told import group_told
from web.ids import Id
from web.routes.workspace import Drawn, Opened

router = APIRouter()


@router.get("/groups/{group}")
async def show_group(request: Request, group: Id, workspace: Opened, renderer: Drawn) -> Response:
    told = await group_told(workspace.runs, await workspace.groups.get(group))
    return await renderer.page(request, "group", group=told)


@router.get("/groups/{group}/view")
async def view_group(request: Request, group: Id, workspace: Opened, renderer: Drawn, talk: bool = False) -> Response:
    """The inside of its card as it is now; `talk`: in a conversation, where its buttons say something."""
    told = await group_told(workspace.runs, await workspace.groups.get(group))
    html = renderer.part(renderer.language(request), "group_view", group=told, in_conversation=talk)
    return HTMLResponse(html, headers={"cache-control": "no-store"})


@router.get("/api/groups/{group}")
async def describe_group(group: Id, workspace: Opened) -> dict[str, Any]:
    return (await group_told(workspace.runs, await workspace.groups.get(group))).model_dump(mode="json")


@router.post("/api/groups/{group}/stop")
async def stop_group(group: Id, workspace: Opened) -> dict[str, Any]:
    """No further run of it begins, and those under way are stopped."""
    stopped = await workspace.groups.stop((await workspace.groups.get(group)).id)
    return (await group_told(workspace.runs, stopped)).model_dump(mode="json")
