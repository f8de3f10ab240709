"""Counts what passes: requests by the template of their route and by status, and open sockets. An address is never a label."""

import time

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from assistant.machine.metrics import Metrics

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
NO_ROUTE = "none"  # refused before it reached one, or there is none


class Measured:
    """ASGI middleware, outside of all others."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        match scope["type"]:
            case "http":
                await self._request(scope, receive, send)
            case "websocket":
                await self._socket(scope, receive, send)
            case _:
                await self.app(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun, status = time.perf_counter(), 500

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            method = scope["method"] if scope["method"] in METHODS else "other"
            seconds = time.perf_counter() - begun
            metrics_of(scope).request(method=method, route=route_of(scope), status=status, seconds=seconds)

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        route: str | None = None

        async def noting(message: Message) -> None:
            nonlocal route
            if message["type"] == "websocket.accept" and route is None:
                route = route_of(scope)
                metrics_of(scope).socket_opened(route)
            await send(message)

        try:
            await self.app(scope, receive, noting)
        finally:
            if route is not None:
                metrics_of(scope).socket_closed(route)


def metrics_of(scope: Scope) -> Metrics:
    metrics: Metrics = scope["app"].state.workspace.metrics
    return metrics


def route_of(scope: Scope) -> str:
    """The template of the route that a request came to, such as /runs/{run}."""
    return str(getattr(scope.get("route"), "path", NO_ROUTE)) or "/"
