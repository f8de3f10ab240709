"""The front door and the health check."""

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, RedirectResponse, Response

from web.routes.workspace import Drawn, Opened
from web.versions import STATIC

router = APIRouter()


@router.get("/")
async def front_door(request: Request, workspace: Opened, renderer: Drawn) -> Response:
    """A conversation in which nothing has been said yet."""
    conversation = await workspace.conversations.create(renderer.language(request))
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/c/{conversation.id}{query}", 303)


@router.get("/healthz")
async def healthz(workspace: Opened) -> dict[str, str]:
    """Answers when the server is up and its database can be read."""
    await workspace.runs.list(limit=1)
    return {"status": "ok"}


@router.get("/favicon.ico", include_in_schema=False)
async def favicon() -> Response:
    return FileResponse(STATIC / "logo.svg", media_type="image/svg+xml")
