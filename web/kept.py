"""Pictures that a browser keeps, but asks about each time: run ids and data set names come back with other content."""

from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.staticfiles import NotModifiedResponse


def kept(request: Request, path: Path) -> Response:
    """The file with its fingerprint, or only 304 when the browser has that one already."""
    response = FileResponse(path, headers={"cache-control": "private, no-cache"}, stat_result=path.stat())
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    return NotModifiedResponse(response.headers) if response.headers["etag"] in known else response
