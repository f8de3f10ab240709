"""The conversation in a terminal with an LLM over real sockets: it calls tools, plans, asks, tells, and dies."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from assistant.settings import Settings
from assistant.workspace import Workspace
from tests.assistant.cli.test_chat import CHAT, state_of, talk
from tests.e2e.waiting import until
from tests.llm_server import KEY, CutMidStream, Hang, LLMServer, Protocol, Status, Text, ToolCall
from tests.serving import environment_of
from tests.terminal import CTRL_C, in_terminal

PLAN = ToolCall("propose_training", {"dataset": "panels", "model": "padim", "image_size": 64})
PROTOCOLS: list[Protocol] = ["chat"]


@pytest.fixture
def server() -> Iterator[LLMServer]:
    with LLMServer() as server:
        yield server


@pytest.fixture
def home(settings: Settings, panels: Path) -> dict[str, str]:
    async def register() -> None:
        async with Workspace.open(settings) as workspace:
            await workspace.datasets.add("panels", panels)

    asyncio.run(register())
    return environment_of(settings.home) | {"OMP_NUM_THREADS": "1", "COLUMNS": "100"}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_an_llm_looks_plans_and_is_told_the_end_of_what_a_person_approved(
    settings: Settings, home: dict[str, str], server: LLMServer, protocol: Protocol
) -> None:
    server.play(
        [ToolCall("list_datasets"), PLAN, ToolCall("start_training"), Text("I have begun."), Text("It has ended.")]
    )
    with in_terminal(CHAT, home | server.environment(protocol)) as terminal:
        terminal.until("text goes to this machine")
        terminal.say("train PaDiM on my panels")
        terminal.until("Looked up the data sets")
        assert "64" in terminal.until("yes starts it")
        terminal.say("yes")
        terminal.until("Run r1")
        terminal.until("r1 · Collect (2 of 7)")
        terminal.until("> ")
        terminal.until("PaDiM on panels")
        assert terminal.leave() == 0
    assert state_of(settings, "r1") == "succeeded"
    assert KEY not in terminal.raw


@pytest.mark.parametrize("death", [Status(401), Status(500), CutMidStream(Text("This is half of an answer."))])
def test_an_llm_that_dies_is_told_in_words_and_the_conversation_goes_on(
    home: dict[str, str], server: LLMServer, death: Status | CutMidStream
) -> None:
    dead = [death] * 12
    server.play(
        lambda conversation: (
            dead.pop()
            if dead and "first" in str(conversation) and "second" not in str(conversation)
            else Text("Hello again.")
        )
    )
    said = talk(home | server.environment("chat"), "first", "second")
    assert said.returncode == 0
    assert "! " in said.stdout
    assert "Hello again." in said.stdout
    assert [strange for strange in ("Traceback", KEY, "None", "{") if strange in said.stdout + said.stderr] == []


def test_an_llm_that_hangs_is_interrupted_and_what_is_said_next_is_answered(
    home: dict[str, str], server: LLMServer
) -> None:
    server.play([Hang(), Text("Hello again.")])
    with in_terminal(CHAT, home | server.environment("chat")) as terminal:
        terminal.say("hello")
        until(lambda: server.requests)
        terminal.type(CTRL_C)
        terminal.until("once more leaves")
        terminal.say("hello?")
        terminal.until("Hello again.")
        terminal.until("> ")
        assert terminal.leave() == 0
