"""Lines over stdio that are no message of the protocol: each is answered, for the SDK drops them and their sender would wait for ever.

Over HTTP the SDK answers them itself.
"""

import json
from types import TracebackType
from typing import Any, Self

import anyio
from mcp.shared.message import SessionMessage
from mcp_types import INVALID_REQUEST, PARSE_ERROR, ErrorData, JSONRPCError
from pydantic import ValidationError

Stream = Any  # of the SDK, which keeps its types to itself


class Readable:
    """The messages of a stream of the SDK, for its server to read."""

    def __init__(self, reading: Stream, writing: Stream):
        self._reading, self._writing = reading, writing

    async def receive(self) -> SessionMessage:
        while isinstance(message := await self._reading.receive(), Exception):
            await self._writing.send(SessionMessage(answer_to(message)))
        assert isinstance(message, SessionMessage)
        return message

    async def aclose(self) -> None:
        await self._reading.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> SessionMessage:
        try:
            return await self.receive()
        except anyio.EndOfStream:
            raise StopAsyncIteration from None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()


def answer_to(error: Exception) -> JSONRPCError:
    """What is wrong with a line, to the request of its id where one can be read."""
    if not isinstance(error, ValidationError):
        return JSONRPCError(jsonrpc="2.0", id=None, error=ErrorData(code=PARSE_ERROR, message=str(error)))
    first = error.errors(include_url=False)[0]
    if first["type"] != "json_invalid":
        said = ErrorData(code=INVALID_REQUEST, message="this is no request of JSON-RPC 2.0")
        return JSONRPCError(jsonrpc="2.0", id=_id(first["input"]), error=said)
    said = ErrorData(code=PARSE_ERROR, message=f"this line is no JSON of Unicode text: {first['msg']}")
    return JSONRPCError(jsonrpc="2.0", id=_id(_read(first["input"])), error=said)


def _read(line: Any) -> Any:
    """JSON as Python reads it, which takes half a character for one."""
    try:
        return json.loads(line)
    except (ValueError, TypeError, RecursionError):
        return None


def _id(message: Any) -> str | int | None:
    found = message.get("id") if isinstance(message, dict) else None
    is_one = isinstance(found, int) or (isinstance(found, str) and found.isprintable())
    return found if is_one and not isinstance(found, bool) else None
