"""A loopback LLM server for tests: real sockets and real protocols, but the test writes what the LLM says.

    with LLMServer([ToolCall("list_datasets"), Text("You have one data set.")]) as server:
        ...  # point a provider at server.environment("anthropic"), talk, then look at server.requests

Each reply of the script answers one request; a list of blocks is one answer made of several. A function instead of a
list is called with the normalised conversation and returns a reply. Faults are replies too: `Status`, `TooLong`,
`Hang`, `CutMidStream`, `SlowWords`, `WebPage`, and broken tool calls made with `cut_arguments` and `call_as_text`.
"""

import asyncio
import json
import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Literal, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.llm_wire import (
    AnthropicMessages,
    Block,
    ChatCompletions,
    Conversation,
    ErrorKind,
    OpenAIResponses,
    Text,
    ToolCall,
    Wire,
)

__all__ = [
    "KEY",
    "MODEL",
    "Conversation",
    "CutMidStream",
    "Hang",
    "LLMServer",
    "Protocol",
    "Recorded",
    "Reply",
    "SlowWords",
    "Status",
    "Text",
    "TooLong",
    "ToolCall",
    "WebPage",
    "call_as_text",
    "cut_arguments",
]

Protocol = Literal["anthropic", "responses", "chat"]

KEY = "sk-test-0123456789abcdef"
MODEL = "test-model"


@dataclass(frozen=True)
class Status:
    """An HTTP error. `kind` is what the protocol calls it; without one it follows from the code."""

    code: int
    message: str = "the test wants it so"
    kind: ErrorKind | None = None
    retry_after: int | None = None


@dataclass(frozen=True)
class TooLong:
    """The conversation does not fit the LLM's context window, said the way each protocol says it."""


@dataclass(frozen=True)
class Hang:
    """No answer for `seconds`, or until the client gives up or the server closes."""

    seconds: float = 60.0


@dataclass(frozen=True)
class CutMidStream:
    """Half of the answer's events, then the connection breaks."""

    answer: Block


@dataclass(frozen=True)
class SlowWords:
    """An answer whose pieces come one by one, `gap_s` apart."""

    text: str
    gap_s: float = 0.01


@dataclass(frozen=True)
class WebPage:
    """A web page where an answer should be: what a wrong base URL leads to."""


Reply = Block | list[Block] | Status | TooLong | Hang | CutMidStream | SlowWords | WebPage
Script = list[Reply] | Callable[[Conversation], Reply]


def cut_arguments(call: ToolCall) -> ToolCall:
    """The call with the second half of its JSON arguments missing."""
    return ToolCall(call.tool, call.json[: len(call.json) // 2])


def call_as_text(call: ToolCall) -> Text:
    """The call as a local server shows it when no tool parser is enabled."""
    return Text(f'<tool_call>\n{{"name": "{call.tool}", "arguments": {call.json}}}\n</tool_call>')


@dataclass(frozen=True)
class Recorded:
    """A request as it came in."""

    protocol: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    conversation: Conversation

    @property
    def text(self) -> str:
        """The body as text, to look for what must not be in it."""
        return json.dumps(self.body, ensure_ascii=False)


@dataclass
class LLMServer:
    """The server, on a free port of the loopback interface, for the time of a `with`."""

    script: Script = field(default_factory=list)
    models: list[str] = field(default_factory=lambda: [MODEL])
    requests: list[Recorded] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._position = 0
        self._disconnected = threading.Event()
        self._closing = asyncio.Event()
        self._wires: dict[str, Wire] = {
            "/v1/messages": AnthropicMessages(),
            "/v1/responses": OpenAIResponses(),
            "/v1/chat/completions": ChatCompletions(),
        }

    def __enter__(self) -> Self:
        routes = [Route(path, self._answer, methods=["POST"]) for path in self._wires]
        app = Starlette(routes=[*routes, Route("/v1/models", self._list_models)])
        config = uvicorn.Config(
            app, log_level="critical", lifespan="off", ws="none", timeout_graceful_shutdown=2, access_log=False
        )
        self._server = uvicorn.Server(config)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, name="llm-server")
        self._started = threading.Event()
        self._thread.start()
        assert self._started.wait(timeout=10), "the loopback LLM server did not start"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._server.should_exit = True
        self._thread.join(timeout=10)
        assert not self._thread.is_alive(), "the loopback LLM server did not stop"

    def play(self, script: Script) -> None:
        """Begin another script, with nothing recorded yet: a server for every test would take longer than the test."""
        self.script = script
        self.requests.clear()
        self._position = 0
        self._disconnected.clear()

    def environment(self, protocol: Protocol) -> dict[str, str]:
        """The environment variables that make Murascope talk to this server over `protocol`."""
        addresses = {
            "anthropic": {"ANTHROPIC_API_KEY": KEY, "ANTHROPIC_BASE_URL": self.url},
            "responses": {"OPENAI_API_KEY": KEY, "OPENAI_BASE_URL": f"{self.url}/v1"},
            "chat": {"MURASCOPE_LLM_API_KEY": KEY, "MURASCOPE_LLM_BASE_URL": f"{self.url}/v1"},
        }
        return {**addresses[protocol], "MURASCOPE_LLM_MODEL": MODEL}

    def saw_disconnect(self, *, within_s: float = 10.0) -> bool:
        """Whether a client went away before its answer was complete; waits for that at most `within_s`."""
        return self._disconnected.wait(timeout=within_s)

    def _serve(self) -> None:
        asyncio.run(self._serve_until_told())

    async def _serve_until_told(self) -> None:
        self._loop = asyncio.get_running_loop()
        serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started and not serving.done():
            await asyncio.sleep(0.001)
        self._started.set()
        await serving

    async def _list_models(self, request: Request) -> Response:
        listed = [{"id": name, "object": "model", "created": 0, "owned_by": "test"} for name in self.models]
        return JSONResponse({"object": "list", "data": listed})

    async def _answer(self, request: Request) -> Response:
        wire, body = self._wires[request.url.path], await request.json()
        conversation = wire.read(body)
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.requests.append(Recorded(wire.name, request.url.path, headers, body, conversation))
        return await self._respond(self._next_reply(conversation), wire, request, body)

    def _next_reply(self, conversation: Conversation) -> Reply:
        if callable(self.script):
            return self.script(conversation)
        self._position += 1
        if self._position > len(self.script):
            return Status(400, f"the script has {len(self.script)} replies, this is request {self._position}")
        return self.script[self._position - 1]

    async def _respond(self, reply: Reply, wire: Wire, request: Request, body: dict[str, Any]) -> Response:
        match reply:
            case Status(code=code, message=message, retry_after=seconds):
                kind = reply.kind or kind_of(code)
                headers = {} if seconds is None else {"retry-after": str(seconds)}
                return JSONResponse(wire.error(code, kind, message), status_code=code, headers=headers)
            case TooLong():
                return JSONResponse(wire.error(400, "too_long", "too many tokens"), status_code=400)
            case Hang(seconds=seconds):
                await self._hang(request, seconds)
                return JSONResponse(wire.error(500, "broken", "hung long enough"), status_code=500)
            case WebPage():
                return HTMLResponse("<!doctype html><title>Welcome</title>")
            case CutMidStream(answer=answer):
                events = list(wire.stream([answer], body))
                return StreamingResponse(cut(events[: len(events) // 2]), media_type="text/event-stream")
            case SlowWords(text=text, gap_s=gap_s):
                return self._stream(wire.stream([Text(text)], body), gap_s=gap_s)
        blocks = reply if isinstance(reply, list) else [reply]
        if body.get("stream"):
            return self._stream(wire.stream(blocks, body), gap_s=0.0)
        return JSONResponse(wire.whole(blocks, body))

    def _stream(self, events: Iterator[bytes], *, gap_s: float) -> StreamingResponse:
        return StreamingResponse(self._watched(events, gap_s=gap_s), media_type="text/event-stream")

    async def _watched(self, events: Iterator[bytes], *, gap_s: float) -> AsyncIterator[bytes]:
        """The events one by one; notices when nobody reads them to the end."""
        complete = False
        try:
            for event in events:
                yield event
                await asyncio.sleep(gap_s)
                if self._closing.is_set():
                    break
            complete = True
        finally:
            if not complete:
                self._disconnected.set()

    async def _hang(self, request: Request, seconds: float) -> None:
        gone = asyncio.ensure_future(request.receive())  # the body is read: the next message is the disconnect
        closing = asyncio.create_task(self._closing.wait())
        await asyncio.wait({gone, closing}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            self._disconnected.set()
        for task in (gone, closing):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


class ConnectionCutError(Exception):
    """Ends a response without its end, which makes the server drop the connection."""


async def cut(events: list[bytes]) -> AsyncIterator[bytes]:
    for event in events:
        yield event
    raise ConnectionCutError


def kind_of(status: int) -> ErrorKind:
    kinds: dict[int, ErrorKind] = {
        401: "key", 403: "key", 404: "model", 402: "quota", 429: "rate", 503: "overloaded", 529: "overloaded",
    }  # fmt: skip
    return kinds.get(status, "rejected" if status < 500 else "broken")
