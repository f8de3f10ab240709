"""What a program may send instead of arguments, at every argument of every tool as its schema lists it: each call is answered in words,
to its own id, and the next one is served."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from assistant.chat.called_with import problems
from assistant.settings import Settings
from assistant.tools import tool_names
from assistant.tools.loading import load_tools
from assistant.workspace import Workspace
from tests.serving import PROJECT, environment_of

SCHEMAS = {each.name: each.tool_def.parameters_json_schema for each in load_tools()}
NO_TEXT = ["a\0b", "\x1b[2J", "x\x9b31m", "x" * 100_000, float("nan"), float("inf")]
OF_ANY_TYPE = [10**400, -(10**30), True, 1.5, "", "5", [], [1], ["r1"] * 2000, {}, {"a": {"b": [1]}}, None]
HALF = "\ud800"
COMMAND = [sys.executable, "-c", "from assistant.cli import main; main()", "mcp"]


class Wire:
    """A program that talks to `murascope mcp` and writes what no client would."""

    def __init__(self, process: "subprocess.Popen[bytes]"):
        self._process, self._ids = process, count(1)
        about = {
            "protocolVersion": "2025-06-18",
            "capabilities": {},
            "clientInfo": {"name": "a\0b\x1b", "version": "1"},
        }
        self.ask("initialize", about)
        self.write(json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}).encode())

    def write(self, line: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + b"\n")
        self._process.stdin.flush()

    def read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        return json.loads(self._process.stdout.readline())

    def ask(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """The answer to this request, which is to it."""
        number = next(self._ids)
        self.write(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}).encode())
        answer = self.read()
        assert answer["id"] == number
        return answer

    def answer_to(self, line: bytes) -> dict[str, Any]:
        """What is answered to a line before the next one is."""
        self.write(line)
        self.write(b'{"jsonrpc": "2.0", "id": "after", "method": "ping"}')
        answers = [self.read()]
        while answers[-1]["id"] != "after":
            answers.append(self.read())
        return answers[0]

    def call(self, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
        """What it said, with whether it is an error."""
        result = self.ask("tools/call", {"name": tool, "arguments": arguments})["result"]
        return {**result["structuredContent"], "is_error": result["isError"]}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="module")
def wire(home: Path) -> Iterator[Wire]:
    with subprocess.Popen(
        COMMAND, env=environment_of(home), cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        yield Wire(process)
        process.terminate()


def places(tool: str) -> list[tuple[str, partial[dict[str, Any]]]]:
    """Every argument of a tool, and one that it does not have, with what makes arguments of a value for it."""
    required = dict.fromkeys(SCHEMAS[tool].get("required", ()), "none")
    names = [*SCHEMAS[tool].get("properties", {}), "no_argument"]
    return [(name, partial(_with, required, name)) for name in names]


def kinds_of_places(tool: str) -> list[tuple[str, partial[dict[str, Any]]]]:
    """One of the arguments that may be the same, as far as the schema says."""
    described = SCHEMAS[tool].get("properties", {})
    by_type = {_type(described.get(name, {})): (name, arguments) for name, arguments in places(tool)}
    return list(by_type.values())


def _type(described: dict[str, Any]) -> str:
    return json.dumps({key: value for key, value in described.items() if key not in ("description", "enum")})


def _with(others: dict[str, Any], name: str, value: Any) -> dict[str, Any]:
    return {**others, name: value}


@pytest.mark.parametrize("tool", tool_names())
def test_what_is_no_text_and_no_number_is_refused_at_its_argument(wire: Wire, tool: str) -> None:
    for name, arguments in places(tool):
        for value in [*NO_TEXT, [NO_TEXT[0]], {NO_TEXT[0]: 1}]:
            answer = wire.call(tool, arguments(value))
            assert (answer["status"], answer["is_error"]) == ("invalid", True), (name, value)
            assert answer["message"].startswith(name), (name, value)
            assert len(answer["message"]) < 300, (name, value)


@pytest.mark.parametrize("tool", tool_names())
def test_what_the_schema_does_not_allow_is_refused_and_all_else_is_answered(wire: Wire, tool: str) -> None:
    schema = Draft202012Validator(SCHEMAS[tool])
    for name, arguments in kinds_of_places(tool):
        for value in OF_ANY_TYPE:
            answer = wire.call(tool, arguments(value))
            assert answer["status"] in ("done", "needs_approval", "refused", "invalid"), (name, value)
            assert answer["is_error"] == (answer["status"] in ("refused", "invalid")), (name, value)
            assert not answer["is_error"] or answer["message"], (name, value)
            if value is not None and not schema.is_valid(arguments(value)):
                assert answer["is_error"], (name, value)


def test_many_problems_are_told_in_few_words(wire: Wire) -> None:
    answer = wire.call("propose_training", {f"setting_{number}": number for number in range(400)})
    assert answer["message"].startswith("setting_0:")
    assert answer["message"].endswith("and 395 more")


@pytest.mark.parametrize("tool", tool_names())
def test_half_a_character_is_answered_to_the_request_that_held_it(wire: Wire, tool: str) -> None:
    _, arguments = places(tool)[0]
    request = {
        "jsonrpc": "2.0",
        "id": 7,
        "method": "tools/call",
        "params": {"name": tool, "arguments": arguments(HALF)},
    }
    answer = wire.answer_to(json.dumps(request).encode())
    assert (answer["id"], answer["error"]["code"]) == (7, -32700)
    assert "Unicode" in answer["error"]["message"]


@pytest.mark.parametrize(
    "line",
    [
        b'{"jsonrpc": "2.0", "id": 7, "method": "tools/call", ',
        b"\xff\xfe",
        b"{" * 50_000,
        b'{"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": ' + b"[" * 50_000 + b"]" * 50_000 + b"}",
        b"[1, 2]",
        b"null",
        b'{"id": true, "what": "this"}',
    ],
    ids=["cut", "bytes", "braces", "deep", "list", "null", "other"],
)
def test_a_line_that_is_no_message_is_answered(wire: Wire, line: bytes) -> None:
    answer = wire.answer_to(line)
    assert answer["id"] is None
    assert answer["error"]["message"]
    assert wire.call("list_runs", {})["status"] == "done"


def test_a_request_without_a_method_is_answered_to_its_id(wire: Wire) -> None:
    assert wire.answer_to(b'{"id": "mine", "tool": "list_runs"}')["id"] == "mine"


def test_the_conversation_can_be_read_when_all_that_was_called(wire: Wire, home: Path) -> None:
    page = wire.call("list_runs", {})["page"]

    async def items() -> list[Any]:
        async with Workspace.open(Settings(home=home)) as workspace:
            conversation = await workspace.conversations.get(page.rpartition("/")[2])
            return await conversation.items()

    shown = json.dumps([item.model_dump(mode="json") for _, _, item in asyncio.run(items())], allow_nan=False)
    assert "list_runs" in shown
    assert [strange for strange in (r"\u0000", r"\u001b", r"\ud800") if strange in shown] == []


@pytest.mark.parametrize("value", [1e308, 2**63, -1e20])
def test_a_number_beyond_all_counts_is_refused_at_its_argument(value: float) -> None:
    assert (problems("show_heatmaps", {"count": value}) or "").startswith("count: numbers up to")
