"""What stands before every request: known hosts, same origin, and headers that keep a page from loading foreign things.

The server has no login of its own and listens on the local machine. What protects it is that no other web page can reach it:
the Host list stops DNS rebinding, the Origin check stops requests and sockets made by other pages.
"""

import ipaddress
import re
from collections.abc import Collection

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOST = re.compile(r"(?:\[(?P<address>[0-9A-Fa-f:.]+)\]|(?P<name>[\w.-]+))(?::\d{1,5})?", re.ASCII)
SAFE_METHODS = ("GET", "HEAD", "OPTIONS")
POLICY = (
    "default-src 'self'; img-src 'self' blob:; object-src 'none'; base-uri 'none'; form-action 'self'; "
    "frame-ancestors 'none'"
)
# of an answer that is a report: one file whose style and pictures stand in itself, and that no script runs in
REPORT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
}

REPORT_HEADERS = {"content-security-policy": REPORT_POLICY, "cache-control": "no-store"}  # for whoever answers with one


class Guard:
    """ASGI middleware for pages and sockets alike."""

    def __init__(self, app: ASGIApp, *, host: str, names: Collection[str] = ()):
        self.app, self.host, self.names = app, host, names

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if problem := refusal(scope, headers, listening_on=self.host, names=self.names):
            status = 403 if host_name(headers.get("host", "")) else 400
            await _refuse(problem, status, scope, receive, send)
            return
        if "\0" in scope["path"] or b"%00" in scope["query_string"]:
            await _refuse("the address holds a null character, as no name and no path does", 422, scope, receive, send)
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = MutableHeaders(scope=message)
                is_report = told.get("content-security-policy") == REPORT_POLICY
                told.update(HEADERS | ({"content-security-policy": REPORT_POLICY} if is_report else {}))
            await send(message)

        await self.app(scope, receive, send_guarded)


def refusal(scope: Scope, headers: Headers, *, listening_on: str, names: Collection[str] = ()) -> str | None:
    """Why a request is refused, or None when it is welcome."""
    host = headers.get("host", "")
    if not is_known_host(host, listening_on=listening_on, names=names):
        return f"this server does not answer to the host name {host[:100]!r}; open it as http://localhost or set MURASCOPE_HOSTS"
    if scope["type"] == "http" and scope["method"] in SAFE_METHODS:
        return None
    origin = headers.get("origin")
    if origin is not None and origin.partition("://")[2].lower() != host.lower():
        return f"this request was made by another page ({origin[:100]!r}); it is refused"
    if origin is None and headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        return "this request was made by another page; it is refused"
    return None


def is_known_host(host: str, *, listening_on: str, names: Collection[str] = ()) -> bool:
    """Whether a Host header names this server: by its address or one of these names. When it listens on all addresses, any bare
    address is welcome, but no other name."""
    name = host_name(host)
    if name in ("localhost", "127.0.0.1", "::1", *names) or name == listening_on.lower() != "":
        return True
    return listening_on in ("0.0.0.0", "::") and _is_address(name)


def host_name(host: str) -> str:
    """The name or address in a Host header, without its port; empty when the header is no such thing."""
    found = HOST.fullmatch(host)
    return (found["address"] or found["name"]).lower() if found else ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def _refuse(problem: str, status: int, scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "websocket":
        await receive()
        await send({"type": "websocket.close", "code": 1008, "reason": problem[:120]})
        return
    response = JSONResponse({"code": "refused", "message": problem, "hint": ""}, status, headers=HEADERS)
    await response(scope, receive, send)
