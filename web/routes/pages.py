"""The front door."""

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, RedirectResponse, Response

from web.ids import is_id
from web.routes.workspace import Drawn, Opened
from web.versions import STATIC

router = APIRouter()
UNUSED = "murascope_unused"  # cookie: the empty conversation of this browser


@router.get("/")
async def front_door(request: Request, workspace: Opened, renderer: Drawn) -> Response:
    """A conversation in which nothing has been said yet: the one that this browser was given before, else a new one."""
    given = request.cookies.get(UNUSED, "")
    if not (is_id(given) and await workspace.conversations.is_unused(given)):
        given = (await workspace.conversations.create(renderer.language(request))).id
    query = f"?{request.url.query}" if request.url.query else ""
    response = RedirectResponse(f"/c/{given}{query}", 303)
    response.set_cookie(UNUSED, given, httponly=True, samesite="lax", path="/")
    return response


@router.get("/favicon.ico", include_in_schema=False)
async def favicon() -> Response:
    return FileResponse(STATIC / "logo.svg", media_type="image/svg+xml")
