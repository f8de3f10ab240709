"""The tools over stdio, as an agent gets them: a real process, the real client."""

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from pydantic_ai import Agent
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from assistant.settings import Settings
from assistant.tools import tool_names
from assistant.tools.loading import load_tools
from assistant.workspace import Workspace
from tests.serving import PROJECT, environment_of

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def agent_at(settings: Settings, *arguments: str) -> AsyncIterator[Client]:
    """A client of `murascope mcp` on this home."""
    command = ["-c", "from assistant.cli import main; main()", "mcp", *arguments]
    server = StdioServerParameters(
        command=sys.executable, args=command, env=environment_of(settings.home), cwd=str(PROJECT)
    )
    async with Client(stdio_client(server)) as client:
        yield client


async def test_what_is_listed_is_the_folder_with_the_schemas_that_an_llm_gets(settings: Settings) -> None:
    shown: list[Any] = []

    def llm(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        shown.extend(info.function_tools)
        return ModelResponse(parts=[TextPart("ok")])

    await Agent(FunctionModel(llm), tools=load_tools()).run("what is there?")  # type: ignore[arg-type]
    async with agent_at(settings) as client:
        listed = (await client.list_tools()).tools
    assert {each.name: (each.description, each.input_schema) for each in listed} == {
        each.name: (each.description, each.parameters_json_schema) for each in shown
    }
    assert {each.name for each in listed} == set(tool_names())


async def test_a_training_is_planned_and_asked_for_and_waits_for_a_person(settings: Settings, panels: Path) -> None:
    async with Workspace.open(settings) as workspace:
        await workspace.datasets.add("panels", panels)
    async with agent_at(settings) as client:
        planned = await client.call_tool("propose_training", {"dataset": "panels"})
        asked = await client.call_tool("start_training", {})
    told = asked.structured_content
    assert told["status"] == "needs_approval"
    assert told["approve_at"] == told["page"] == planned.structured_content["page"]
    async with Workspace.open(settings) as workspace:
        conversation = await workspace.conversations.get(told["page"].rpartition("/")[2])
        plan = next(item for _, _, item in await conversation.items() if item.kind == "proposal")
        assert (plan.proposal, plan.state) == (told["proposal"], "open")
        assert list(await workspace.runs.list()) == []


async def test_an_argument_that_is_none_is_told_to_the_program_and_not_to_people(settings: Settings) -> None:
    async with agent_at(settings) as client:
        listed = await client.call_tool("list_runs", {})
        wrong = await client.call_tool("list_runs", {"state": "asleep"})
        unknown = await client.call_tool("approve_plan", {"proposal": "p1"})
    assert (listed.is_error, wrong.is_error, unknown.is_error) == (False, True, True)
    assert "state" in wrong.structured_content["message"]
    assert unknown.structured_content["code"] == "unknown_tool"
    async with Workspace.open(settings) as workspace:
        (heading,) = await workspace.conversations.list()
        conversation = await workspace.conversations.get(heading.id)
        assert [item.kind for _, _, item in await conversation.items()] == ["tool"]


async def test_a_named_conversation_is_called_in_and_an_unknown_one_refused(settings: Settings) -> None:
    async with Workspace.open(settings) as workspace:
        made = await workspace.conversations.create("en")
    async with agent_at(settings, "--conversation", made.id) as client:
        called = await client.call_tool("list_datasets", {})
    assert called.structured_content["page"].endswith(f"/c/{made.id}")
