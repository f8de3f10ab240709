"""The tools for other agents over HTTP: a real server, the real client, and nobody without the token."""

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from pydantic import SecretStr

from assistant.machine.masking import Mask, secrets_of
from assistant.settings import Settings
from tests.serving import PROJECT, environment_of, serving

pytestmark = pytest.mark.anyio
TOKEN = "a-token-that-only-agents-know-7391"
BEARER = {"authorization": f"Bearer {TOKEN}"}
LIST = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
ACCEPT = {"accept": "application/json, text/event-stream"}
PATIENCE_S = 60.0  # a server that has just begun, on a busy machine


@asynccontextmanager
async def agent_at(url: str, *, mode: str = "auto") -> AsyncIterator[Client]:
    async with (
        httpx2.AsyncClient(headers=BEARER, timeout=PATIENCE_S) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Any:
    home: Path = tmp_path_factory.mktemp("agents")
    with serving(environment_of(home) | {"MURASCOPE_MCP_TOKEN": TOKEN}) as address:
        yield address


def test_without_the_right_token_nothing_is_served(server: str) -> None:
    for headers in (
        {},
        {"authorization": "Bearer guessed"},
        {"authorization": f"Basic {TOKEN}"},
        {"authorization": "Bearer"},
    ):
        answer = httpx2.post(f"{server}/mcp", json=LIST, headers=ACCEPT | headers, timeout=PATIENCE_S)
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")


def test_another_host_or_page_is_refused_even_with_the_token(server: str) -> None:
    for headers in ({"host": "evil.example"}, {"origin": "http://evil.example"}):
        for method in ("GET", "POST", "DELETE"):
            answer = httpx2.request(
                method, f"{server}/mcp", json=LIST, headers=ACCEPT | BEARER | headers, timeout=PATIENCE_S
            )
            assert answer.status_code == 403


def test_a_server_without_a_token_says_how_agents_are_served(client: Any) -> None:
    answer = client.post("/mcp", json=LIST, headers=BEARER)
    assert answer.status_code == 404
    assert "MURASCOPE_MCP_TOKEN" in answer.json()["message"]


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_the_calls_of_an_agent_stand_in_one_conversation_of_the_page(server: str, mode: str) -> None:
    async with agent_at(f"{server}/mcp", mode=mode) as client:
        first = await client.call_tool("list_datasets", {})
        second = await client.call_tool("list_runs", {})
    page = first.structured_content["page"]
    assert page == second.structured_content["page"]
    shown = httpx2.get(page, timeout=PATIENCE_S)
    assert page.startswith(server)
    assert 'data-kind="tool"' in shown.text


async def test_an_agent_may_name_the_conversation_and_the_language(server: str) -> None:
    made = httpx2.post(f"{server}/api/conversations", timeout=PATIENCE_S).json()["id"]
    async with agent_at(f"{server}/mcp?conversation={made}&language=ko") as client:
        called = await client.call_tool("summarize_results", {})
    assert called.structured_content["page"] == f"{server}/c/{made}"
    assert called.is_error
    async with agent_at(f"{server}/mcp?conversation=000000000000") as client:
        unknown = await client.call_tool("list_runs", {})
    assert unknown.structured_content["code"] == "not_found"


async def test_what_is_no_text_is_refused_in_words_and_the_next_call_is_served(server: str) -> None:
    half = b'{"jsonrpc": "2.0", "id": 5, "method": "tools/call", "params": {"name": "list_runs", "arguments": {"model": "\\ud800"}}}'
    unreadable = httpx2.post(
        f"{server}/mcp",
        content=half,
        headers=ACCEPT | BEARER | {"content-type": "application/json"},
        timeout=PATIENCE_S,
    )
    assert (unreadable.status_code, unreadable.json()["error"]["code"]) == (400, -32700)
    async with agent_at(f"{server}/mcp") as client:
        null = await client.call_tool("list_runs", {"model": "a\0b"})
        huge = await client.call_tool("list_runs", {"model": "x" * 500_000})
        listed = await client.call_tool("list_runs", {"model": "padim"})
    assert [each.structured_content["status"] for each in (null, huge, listed)] == ["invalid", "invalid", "done"]
    assert "U+0000" in null.structured_content["message"]
    assert len(huge.structured_content["message"]) < 200


def test_the_server_starts_without_loading_the_protocol() -> None:
    code = "import sys, web.app; sys.exit('mcp' in sys.modules or 'assistant.mcp.server' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PROJECT).returncode == 0


def test_the_token_is_masked_like_every_secret(settings: Settings) -> None:
    mask = Mask(secrets_of(settings.model_copy(update={"mcp_token": SecretStr(TOKEN)})))
    assert TOKEN not in mask.text(f"the agent sent {TOKEN}")
