"""An LLM asks for any kind of run through the same tool: it names the kind, or a model that only one kind trains."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant.frames import ProposalItem
from assistant.kinds import DEFAULT_KIND, kind_of
from engine.contract.jobs import KINDS
from tests.llm_server import LLMServer, Text, ToolCall
from tests.talk_over_llm import talking

pytestmark = pytest.mark.anyio
CASES = [(kind, asked) for kind in KINDS for asked in ({"task": kind}, {"model": kind_of(kind).default_model})]


@pytest.fixture(autouse=True)
def home_of_our_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MURASCOPE_HOME", str(tmp_path / "home"))


@pytest.fixture(scope="module")
def server() -> Iterator[LLMServer]:
    with LLMServer() as server:
        yield server


def propose(**arguments: Any) -> ToolCall:
    return ToolCall("propose_training", arguments)


@pytest.mark.parametrize(("kind", "asked"), CASES)
async def test_the_plan_is_of_the_kind_that_was_named_or_of_that_of_the_model(
    server: LLMServer, kind: str, asked: dict[str, Any]
) -> None:
    server.play([propose(dataset="oled", **asked), ToolCall("start_training")])
    async with talking(server, "anthropic") as talk:
        await talk.say("Train it on oled")
        plan = (await talk.all(ProposalItem))[0]
    assert (plan.task, plan.model) == (kind, kind_of(kind).default_model)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_change_keeps_the_kind_of_the_open_plan(server: LLMServer, kind: str) -> None:
    server.play([propose(dataset="oled", task=kind), ToolCall("start_training"), propose(seed=7), Text("Done.")])
    async with talking(server, "anthropic") as talk:
        await talk.say("Train it on oled")
        await talk.say("with seed 7")
        plan = (await talk.all(ProposalItem))[-1]
    assert (plan.task, {setting.name: setting.value for setting in plan.settings}["seed"]) == (kind, 7)


async def test_an_unknown_kind_is_answered_with_those_there_are(server: LLMServer) -> None:
    server.play([propose(dataset="oled", task="sorting"), Text("I cannot.")])
    async with talking(server, "anthropic") as talk:
        await talk.say("Train a sorter on oled")
        assert await talk.all(ProposalItem) == []
    (answer,) = server.requests[1].conversation.results
    assert "unknown task 'sorting'" in answer.text
    assert DEFAULT_KIND in answer.text
