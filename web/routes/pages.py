"""The front door and the health check."""

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, RedirectResponse, Response

from web.routes.workspace import Drawn, Opened
from web.versions import STATIC

router = APIRouter()


@router.get("/")
async def front_door(request: Request, workspace: Opened, renderer: Drawn) -> Response:
    """The newest conversation in which nothing has been said, or a new one."""
    for row in (await workspace.conversations.list())[:1]:
        if not await (await workspace.conversations.get(row.id)).items():
            return _to(row.id, request)
    return _to((await workspace.conversations.create(renderer.language(request))).id, request)


def _to(conversation: str, request: Request) -> Response:
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"/c/{conversation}{query}", 303)


@router.get("/healthz")
async def healthz(workspace: Opened) -> dict[str, object]:
    """Answers when the server is up and its database can be read."""
    return {"status": "ok", "runs": len(await workspace.runs.list())}


@router.get("/favicon.ico", include_in_schema=False)
async def favicon() -> Response:
    return FileResponse(STATIC / "logo.svg", media_type="image/svg+xml")
