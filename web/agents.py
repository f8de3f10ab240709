"""The door for other agents: the tools over the Model Context Protocol at /mcp, for whoever has the token.

It stands behind the guard like every request. The SDK is loaded with the first call that has the token, so that neither the start of
the server nor its first page waits for it. `?conversation=ID` names a conversation to call in, `?language=ko` the words of its answers.
"""

import asyncio
import hmac
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from assistant.settings import Settings
from assistant.workspace import Workspace
from prompts.languages import LANGUAGES
from web.guard import refusal

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    from assistant.mcp.rooms import Session
    from assistant.mcp.server import Context

PATH = "/mcp"
OFF = "agents are served here when MURASCOPE_MCP_TOKEN is set; without the server: murascope mcp"
WRONG = "send the token of MURASCOPE_MCP_TOKEN: Authorization: Bearer TOKEN"


class Agents:
    """ASGI application of the door. Serves while `open_over` is open."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._workspace: Workspace | None = None
        self._manager: StreamableHTTPSessionManager | None = None
        self._opening, self._closing = asyncio.Lock(), asyncio.Event()
        self._serving: asyncio.Task[None] | None = None

    @property
    def route(self) -> Route:
        return Route(PATH, endpoint=self)

    @asynccontextmanager
    async def open_over(self, workspace: Workspace) -> AsyncIterator[None]:
        """Serve the tools of this workspace."""
        self._workspace = workspace
        try:
            yield
        finally:
            self._closing.set()
            if self._serving is not None:
                await self._serving

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._refused(scope)
        if refused is not None:
            await refused(scope, receive, send)
            return
        manager = await self._opened()
        await manager.handle_request(scope, receive, send)

    def _refused(self, scope: Scope) -> Response | None:
        """Why a request is not welcome. No page of the browser calls here, so one of another site is refused whatever its method."""
        headers, token = Headers(scope=scope), self._settings.mcp_token
        host, names = self._settings.host, self._settings.host_names
        if problem := refusal({**scope, "method": "POST"}, headers, listening_on=host, names=names):
            return _response(403, "refused", problem)
        if token is None:
            return _response(404, "not_found", OFF)
        kind, _, given = headers.get("authorization", "").partition(" ")
        is_right = hmac.compare_digest(given.strip().encode(), token.get_secret_value().encode())
        if kind.lower() != "bearer" or not is_right:
            return _response(401, "unauthorized", WRONG, {"www-authenticate": "Bearer"})
        return None

    async def _opened(self) -> "StreamableHTTPSessionManager":
        async with self._opening:
            if self._manager is None:
                manager = await asyncio.to_thread(self._make)
                ready = asyncio.Event()
                self._serving = asyncio.create_task(self._serve(manager, ready))
                await ready.wait()
                self._manager = manager
            return self._manager

    async def _serve(self, manager: "StreamableHTTPSessionManager", ready: asyncio.Event) -> None:
        """The sessions live in one task from the first call to the server's end."""
        async with manager.run():
            ready.set()
            await self._closing.wait()

    def _make(self) -> "StreamableHTTPSessionManager":
        from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

        from assistant.mcp.rooms import Rooms
        from assistant.mcp.server import make_server

        assert self._workspace is not None
        server = make_server(Rooms(self._workspace), session=self._session, address=_address)
        return StreamableHTTPSessionManager(server, json_response=True)  # Host and Origin: web/guard.py

    def _session(self, ctx: "Context") -> "Session":
        """Who calls. Newer versions of the protocol have no session: there all calls of a program of one name are one."""
        from assistant.mcp.rooms import Session

        request = _request(ctx)
        client = ctx.session.client_params.client_info.name if ctx.session.client_params else ""
        wish = request.query_params.get("language")
        return Session(
            request.headers.get("mcp-session-id") or f"client {client}",
            client=client,
            conversation=request.query_params.get("conversation"),
            language=next((each for each in LANGUAGES if each == wish), self._settings.language),
        )


def _address(ctx: "Context") -> str:
    return str(_request(ctx).base_url).rstrip("/")


def _request(ctx: "Context") -> Request:
    assert isinstance(ctx.request, Request)
    return ctx.request


def _response(status: int, code: str, message: str, headers: dict[str, Any] | None = None) -> Response:
    return JSONResponse({"code": code, "message": message, "hint": ""}, status, headers=headers)
