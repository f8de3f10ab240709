"""The protocols of an LLM, from the server's side: Anthropic Messages, OpenAI Responses and chat-completions.

Each wire does the same four things: read a request into a `Conversation`, answer it in one piece, answer it as a stream
of server-sent events, and word an error. The tests' server picks the wire by the path that was asked.
"""

import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

INPUT_TOKENS, OUTPUT_TOKENS = 100, 20
PIECE = 12  # characters per streamed piece
MOST_PIECES = 1000  # of a text that is longer, each is longer

ErrorKind = Literal["key", "model", "rejected", "too_long", "quota", "rate", "overloaded", "broken"]

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Text:
    """Words of the LLM, streamed in pieces of `PIECE` characters."""

    text: str


@dataclass(frozen=True)
class ToolCall:
    """A tool call. `arguments` as a str goes over the wire as it is: that is how broken JSON is sent.

    `call` is its id; without one it gets a new one. Some local servers use the same ids again.
    """

    tool: str
    arguments: dict[str, Any] | str = field(default_factory=dict)
    call: str | None = None

    @property
    def json(self) -> str:
        return self.arguments if isinstance(self.arguments, str) else json.dumps(self.arguments, ensure_ascii=False)


Block = Text | ToolCall


@dataclass(frozen=True)
class ToolResult:
    """What our side answered to a tool call; `failed` as the protocol says it (Anthropic) or the text does (OpenAI)."""

    text: str
    failed: bool


@dataclass
class Message:
    role: str
    text: str = ""
    calls: list[ToolCall] = field(default_factory=list)
    results: list[ToolResult] = field(default_factory=list)


@dataclass
class Conversation:
    """A request, the same whatever protocol brought it. `tools` maps a tool's name to its JSON schema."""

    model: str
    instructions: str
    messages: list[Message]
    tools: dict[str, dict[str, Any]]

    @property
    def asked(self) -> str:
        """The last thing the user said."""
        return next((m.text for m in reversed(self.messages) if m.role == "user" and m.text), "")

    @property
    def results(self) -> list[ToolResult]:
        """The results that came with this request: those after the LLM's last words."""
        fresh = itertools.takewhile(lambda message: message.role != "assistant", reversed(self.messages))
        return [result for message in reversed(list(fresh)) for result in message.results]


class Wire(Protocol):
    name: str

    def read(self, body: dict[str, Any]) -> Conversation: ...
    def whole(self, blocks: list[Block], body: dict[str, Any]) -> dict[str, Any]: ...
    def stream(self, blocks: list[Block], body: dict[str, Any]) -> Iterator[bytes]: ...
    def error(self, status: int, kind: ErrorKind, message: str) -> dict[str, Any]: ...


class AnthropicMessages:
    name = "anthropic"

    def read(self, body: dict[str, Any]) -> Conversation:
        messages = []
        for raw in body["messages"]:
            message = Message(raw["role"], text=joined(raw["content"]))
            for part in raw["content"] if isinstance(raw["content"], list) else []:
                if part["type"] == "tool_use":
                    message.calls.append(ToolCall(part["name"], part["input"]))
                if part["type"] == "tool_result":
                    result = ToolResult(joined(part.get("content", "")), failed=bool(part.get("is_error")))
                    message.results.append(result)
            messages.append(message)
        tools = {tool["name"]: tool["input_schema"] for tool in body.get("tools", [])}
        return Conversation(body["model"], joined(body.get("system", "")), messages, tools)

    def whole(self, blocks: list[Block], body: dict[str, Any]) -> dict[str, Any]:
        content: list[dict[str, Any]] = []
        for block in blocks:
            if isinstance(block, Text):
                content.append({"type": "text", "text": block.text})
            else:
                content.append({**self._tool_use(block), "input": json.loads(block.json)})
        return {**self._message(body), "content": content, "stop_reason": self._stop_reason(blocks)}

    def stream(self, blocks: list[Block], body: dict[str, Any]) -> Iterator[bytes]:
        yield named("message_start", message=self._message(body))
        for index, block in enumerate(blocks):
            if isinstance(block, Text):
                yield named("content_block_start", index=index, content_block={"type": "text", "text": ""})
                deltas = [{"type": "text_delta", "text": piece} for piece in pieces(block.text)]
            else:
                yield named("content_block_start", index=index, content_block=self._tool_use(block))
                deltas = [{"type": "input_json_delta", "partial_json": piece} for piece in pieces(block.json)]
            for delta in deltas:
                yield named("content_block_delta", index=index, delta=delta)
            yield named("content_block_stop", index=index)
        end = {"stop_reason": self._stop_reason(blocks), "stop_sequence": None}
        yield named("message_delta", delta=end, usage={"output_tokens": OUTPUT_TOKENS})
        yield named("message_stop")

    def error(self, status: int, kind: ErrorKind, message: str) -> dict[str, Any]:
        types: dict[ErrorKind, str] = {
            "key": "authentication_error",
            "model": "not_found_error",
            "rejected": "invalid_request_error",
            "too_long": "invalid_request_error",
            "quota": "billing_error",
            "rate": "rate_limit_error",
            "overloaded": "overloaded_error",
            "broken": "api_error",
        }
        words = "prompt is too long: 250000 tokens > 200000 maximum" if kind == "too_long" else message
        return {"type": "error", "error": {"type": types[kind], "message": words}}

    def _message(self, body: dict[str, Any]) -> dict[str, Any]:
        usage = {"input_tokens": INPUT_TOKENS, "output_tokens": OUTPUT_TOKENS}
        frame = {"id": numbered("msg"), "type": "message", "role": "assistant", "model": body["model"]}
        return {**frame, "content": [], "stop_reason": None, "stop_sequence": None, "usage": usage}

    def _tool_use(self, call: ToolCall) -> dict[str, Any]:
        return {"type": "tool_use", "id": call.call or numbered("toolu"), "name": call.tool, "input": {}}

    def _stop_reason(self, blocks: list[Block]) -> str:
        return "tool_use" if any(isinstance(block, ToolCall) for block in blocks) else "end_turn"


class OpenAIResponses:
    name = "responses"

    def read(self, body: dict[str, Any]) -> Conversation:
        messages: list[Message] = []
        for item in body["input"]:
            kind = item.get("type", "message")
            if kind == "message":
                messages.append(Message(item["role"], text=joined(item["content"])))
            elif kind == "function_call":
                call = ToolCall(item["name"], json.loads(item["arguments"]))
                messages.append(Message("assistant", calls=[call]))
            elif kind == "function_call_output":
                messages.append(Message("tool", results=[openai_result(joined(item["output"]))]))
        tools = {tool["name"]: tool["parameters"] for tool in body.get("tools", [])}
        return Conversation(body["model"], body.get("instructions") or "", messages, tools)

    def whole(self, blocks: list[Block], body: dict[str, Any]) -> dict[str, Any]:
        return self._response(body, numbered("resp"), [self._item(block, "completed") for block in blocks])

    def stream(self, blocks: list[Block], body: dict[str, Any]) -> Iterator[bytes]:
        order = itertools.count()
        identity = numbered("resp")

        def event(kind: str, **fields: Any) -> bytes:
            return named(f"response.{kind}", sequence_number=next(order), **fields)

        yield event("created", response=self._response(body, identity, [], status="in_progress"))
        done = []
        for index, block in enumerate(blocks):
            item = self._item(block, "completed")
            empty: dict[str, Any] = {"content": []} if isinstance(block, Text) else {"arguments": ""}
            yield event("output_item.added", output_index=index, item={**item, **empty, "status": "in_progress"})
            place = {"item_id": item["id"], "output_index": index}
            if isinstance(block, Text):
                part = {"type": "output_text", "text": "", "annotations": []}
                yield event("content_part.added", **place, content_index=0, part=part)
                for piece in pieces(block.text):
                    yield event("output_text.delta", **place, content_index=0, delta=piece, logprobs=[])
                yield event("output_text.done", **place, content_index=0, text=block.text, logprobs=[])
                yield event("content_part.done", **place, content_index=0, part={**part, "text": block.text})
            else:
                for piece in pieces(block.json):
                    yield event("function_call_arguments.delta", **place, delta=piece)
                yield event("function_call_arguments.done", **place, name=block.tool, arguments=block.json)
            yield event("output_item.done", output_index=index, item=item)
            done.append(item)
        yield event("completed", response=self._response(body, identity, done))

    def error(self, status: int, kind: ErrorKind, message: str) -> dict[str, Any]:
        return openai_error(kind, message)

    def _item(self, block: Block, status: str) -> dict[str, Any]:
        if isinstance(block, Text):
            content = [{"type": "output_text", "text": block.text, "annotations": []}]
            message = {"type": "message", "id": numbered("msg"), "role": "assistant"}
            return {**message, "status": status, "content": content}
        call = {
            "type": "function_call",
            "id": numbered("fc"),
            "call_id": block.call or numbered("call"),
            "name": block.tool,
        }
        return {**call, "arguments": block.json, "status": status}

    def _response(
        self, body: dict[str, Any], identity: str, output: list[dict[str, Any]], *, status: str = "completed"
    ) -> dict[str, Any]:
        usage = {
            "input_tokens": INPUT_TOKENS,
            "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
            "output_tokens": OUTPUT_TOKENS,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS,
        }
        return {
            "id": identity,
            "object": "response",
            "created_at": 1_700_000_000,
            "model": body["model"],
            "status": status,
            "output": output,
            "parallel_tool_calls": False,
            "tool_choice": "auto",
            "tools": [],
            "usage": usage if status == "completed" else None,
        }


class ChatCompletions:
    name = "chat"

    def read(self, body: dict[str, Any]) -> Conversation:
        instructions, messages = [], []
        for raw in body["messages"]:
            text = joined(raw.get("content") or "")
            if raw["role"] in ("system", "developer"):
                instructions.append(text)
            elif raw["role"] == "tool":
                messages.append(Message("tool", results=[openai_result(text)]))
            else:
                named_calls = [call["function"] for call in raw.get("tool_calls") or []]
                calls = [ToolCall(call["name"], json.loads(call["arguments"])) for call in named_calls]
                messages.append(Message(raw["role"], text=text, calls=calls))
        functions = [tool["function"] for tool in body.get("tools", [])]
        tools = {function["name"]: function["parameters"] for function in functions}
        return Conversation(body["model"], "\n\n".join(instructions), messages, tools)

    def whole(self, blocks: list[Block], body: dict[str, Any]) -> dict[str, Any]:
        text = "".join(block.text for block in blocks if isinstance(block, Text))
        calls = [self._call(block) for block in blocks if isinstance(block, ToolCall)]
        message = {"role": "assistant", "content": text or None, **({"tool_calls": calls} if calls else {})}
        choice = {"index": 0, "finish_reason": self._finish(blocks), "message": message}
        return {**self._frame(body, "chat.completion"), "choices": [choice], "usage": self._usage()}

    def stream(self, blocks: list[Block], body: dict[str, Any]) -> Iterator[bytes]:
        frame = self._frame(body, "chat.completion.chunk")

        def chunk(delta: dict[str, Any], finish: str | None = None) -> bytes:
            return data({**frame, "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]})

        yield chunk({"role": "assistant", "content": ""})
        calls = itertools.count()
        for block in blocks:
            if isinstance(block, Text):
                yield from (chunk({"content": piece}) for piece in pieces(block.text))
                continue
            index = next(calls)
            start = self._call(ToolCall(block.tool, "", block.call))
            yield chunk({"tool_calls": [{"index": index, **start}]})
            for piece in pieces(block.json):
                yield chunk({"tool_calls": [{"index": index, "function": {"arguments": piece}}]})
        yield chunk({}, self._finish(blocks))
        if (body.get("stream_options") or {}).get("include_usage"):
            yield data({**frame, "choices": [], "usage": self._usage()})
        yield b"data: [DONE]\n\n"

    def error(self, status: int, kind: ErrorKind, message: str) -> dict[str, Any]:
        return openai_error(kind, message)

    def _call(self, call: ToolCall) -> dict[str, Any]:
        function = {"name": call.tool, "arguments": call.json}
        return {"id": call.call or numbered("call"), "type": "function", "function": function}

    def _finish(self, blocks: list[Block]) -> str:
        return "tool_calls" if any(isinstance(block, ToolCall) for block in blocks) else "stop"

    def _frame(self, body: dict[str, Any], kind: str) -> dict[str, Any]:
        return {"id": numbered("chatcmpl"), "object": kind, "created": 1_700_000_000, "model": body["model"]}

    def _usage(self) -> dict[str, int]:
        tokens = {"prompt_tokens": INPUT_TOKENS, "completion_tokens": OUTPUT_TOKENS}
        return {**tokens, "total_tokens": INPUT_TOKENS + OUTPUT_TOKENS}


def openai_error(kind: ErrorKind, message: str) -> dict[str, Any]:
    codes: dict[ErrorKind, str | None] = {
        "key": "invalid_api_key",
        "model": "model_not_found",
        "rejected": None,
        "too_long": "context_length_exceeded",
        "quota": "insufficient_quota",
        "rate": "rate_limit_exceeded",
        "overloaded": "overloaded",
        "broken": "server_error",
    }
    return {"error": {"message": message, "type": "invalid_request_error", "param": None, "code": codes[kind]}}


def openai_result(text: str) -> ToolResult:
    """OpenAI's protocols have no field for a failed tool; the client says it in the text, as `{"error": ...}`."""
    return ToolResult(text, failed=text.startswith('{"error"'))


def joined(content: str | list[dict[str, Any]]) -> str:
    """The text of a message, which is a string or a list of parts."""
    if isinstance(content, str):
        return content
    return "\n\n".join(part["text"] for part in content if "text" in part)


def pieces(text: str) -> list[str]:
    size = max(PIECE, len(text) // MOST_PIECES)
    return [text[start : start + size] for start in range(0, len(text), size)]


def numbered(prefix: str) -> str:
    return f"{prefix}_{next(_numbers)}"


def named(event: str, **fields: Any) -> bytes:
    """A server-sent event with a name, which is also its `type`."""
    return f"event: {event}\n".encode() + data({"type": event, **fields})


def data(payload: dict[str, Any]) -> bytes:
    return f"data: {json.dumps(payload, ensure_ascii=False)}\n\n".encode()
