"""The application: routes, sockets, static files, and the guards around them."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException

from assistant.chat.understanding import Understanding
from assistant.machine.troubles import EXPECTED, report
from assistant.refused import Refused
from assistant.settings import Settings
from assistant.workspace import Workspace
from web import sockets
from web.agents import Agents
from web.guard import Guard
from web.ids import log_ids
from web.kinds import routes_of_kinds
from web.measured import Measured
from web.pictures import SmallPictures
from web.readiness import Readiness
from web.render import Renderer
from web.routes import (
    compare,
    conversations,
    datasets,
    exports,
    groups,
    models,
    operation,
    pages,
    predictions,
    queue,
    registry,
    reports,
    runs,
    studies,
)
from web.versions import STATIC, version

MAX_BODY_BYTES = 1 << 20  # of everything but an uploaded archive, which has its own limit
TROUBLE_STATUS = {"no_room": 507, "name_too_long": 422, "system": 500, "internal": 500}  # of the others: 503
THREADS = 32  # that wait for disks; one that hangs holds up those who ask for it, not the others


def create_app(settings: Settings, understanding: Understanding | None = None) -> FastAPI:
    """The whole web application of one workspace. Sends nothing anywhere on its own.

    `understanding` is told of at /ready.
    """

    agents = Agents(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(THREADS))
        async with (
            Workspace.open(settings) as workspace,
            SmallPictures.open(settings) as pictures,
            workspace.working(),
            agents.open_over(workspace),
        ):
            app.state.workspace, app.state.pictures = workspace, pictures
            app.state.renderer = Renderer(settings, workspace)
            app.state.readiness = Readiness(workspace, understanding or Understanding())
            watching = asyncio.create_task(workspace.metrics.watch_event_loop())
            yield
            watching.cancel()

    app = FastAPI(
        title="Murascope",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        max_body_size=MAX_BODY_BYTES,
        dependencies=[Depends(log_ids)],
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )
    for routes in (
        *(
            pages,
            conversations,
            runs,
            compare,
            groups,
            datasets,
            exports,
            models,
            operation,
            predictions,
            queue,
            registry,
            reports,
            sockets,
            studies,
        ),
        *routes_of_kinds(),
    ):
        app.include_router(routes.router)
    app.router.routes.append(agents.route)
    app.mount(f"/static/{version()}", StaticFiles(directory=STATIC), name="versioned")
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(Guard, host=settings.host, names=settings.host_names)
    app.add_middleware(Measured)
    app.add_exception_handler(Refused, _refused)  # no wider: a LookupError of Python's is our mistake
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _invalid)
    for trouble in EXPECTED:
        app.add_exception_handler(trouble, _trouble)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)
    response = await _failed(
        request,
        status=error.status,
        code=error.page_code,
        message=error.message,
        hint=error.hint,
        values=error.values,
    )
    if error.retry_after_s is not None:
        response.headers["retry-after"] = str(error.retry_after_s)
    return response


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = {404: "not_found", 413: "too_large"}.get(error.status_code, "refused")
    return await _failed(request, status=error.status_code, code=code, message=str(error.detail))


async def _invalid(request: Request, error: Exception) -> Response:
    """An input that cannot be one. What came in is not said back: it may hold what no answer can."""
    assert isinstance(error, RequestValidationError)
    if _opens_a_page(request) and any(each["loc"][0] == "path" for each in error.errors()):
        return await _failed(request, status=404, code="not_found", message="there is no such page")
    problems = "; ".join(f"{'.'.join(map(str, each['loc'][1:]))}: {each['msg']}" for each in error.errors())
    return await _failed(request, status=422, code="refused", message=problems)


async def _trouble(request: Request, error: Exception) -> Response:
    """What disk or database refuse, in words; plain ones where the page itself cannot be drawn for it."""
    assert isinstance(error, EXPECTED)
    trouble = report(error, what=f"{request.method} {request.url.path}")
    status = TROUBLE_STATUS.get(trouble.code, 503)
    try:
        return await _failed(request, status=status, code=trouble.code, message=trouble.message, hint=trouble.hint)
    except EXPECTED:
        return PlainTextResponse(f"{trouble.message}\n{trouble.hint}\n", status)


async def _failed(
    request: Request, *, status: int, code: str, message: str, hint: str = "", values: Mapping[str, Any] | None = None
) -> Response:
    """An error as the caller wants it: a page for a browser that navigates, JSON for everything else."""
    message = message.encode(
        errors="backslashreplace"
    ).decode()  # half a character that came in has no place in an answer
    if _opens_a_page(request):
        renderer: Renderer = request.app.state.renderer
        return await renderer.page(request, "error", status=status, code=code, message=message, hint=hint)
    return JSONResponse({"code": code, "message": message, "hint": hint, "values": dict(values or {})}, status)


def _opens_a_page(request: Request) -> bool:
    """Whether a browser asks for it in its window, and not a script or a program."""
    return request.method == "GET" and "text/html" in request.headers.get("accept", "")


def app_from_environment() -> FastAPI:
    """The application as `murascope serve` runs it."""
    settings, understanding = Settings(), Understanding()
    understanding.begin(settings.home)
    return create_app(settings, understanding)
