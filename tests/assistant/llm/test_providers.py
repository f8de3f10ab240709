"""Providers against the loopback LLM server: the real SDKs, real sockets, three protocols."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any, get_args

import pytest
from pydantic_ai import Agent, AgentRunResult
from pydantic_ai.exceptions import AgentRunError, RunCancelled, UsageLimitExceeded
from pydantic_ai.messages import ModelResponse, PartDeltaEvent, PartStartEvent, TextPart, TextPartDelta
from pydantic_ai.models import Model
from pydantic_ai.models.function import FunctionModel
from pydantic_ai.settings import ModelSettings
from pydantic_ai.usage import UsageLimits

from assistant.llm.providers import choose, explain, model_settings, open_model, probe
from assistant.settings import Settings
from tests.llm_server import (
    KEY,
    MODEL,
    Conversation,
    CutMidStream,
    Hang,
    LLMServer,
    Protocol,
    Reply,
    SlowWords,
    Status,
    Text,
    ToolCall,
    TooLong,
    WebPage,
    call_as_text,
    cut_arguments,
)
from tests.serving import PROJECT, nothing_set

pytestmark = pytest.mark.anyio

PROTOCOLS = get_args(Protocol)
SENTENCE = "The data set oled holds 120 good and 14 defective images of one panel type."


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest) -> Protocol:
    chosen: Protocol = request.param
    return chosen


@pytest.fixture(scope="module")
def server() -> Iterator[LLMServer]:
    """One server for all tests of this file: each begins with `server.play(script)`."""
    with LLMServer() as server:
        yield server


def settings_for(environment: dict[str, str]) -> Settings:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        return Settings()


@asynccontextmanager
async def model_at(server: LLMServer, protocol: Protocol) -> AsyncIterator[Model]:
    settings = settings_for(server.environment(protocol))
    async with open_model(choose(settings), settings) as model:
        yield model


def small_agent() -> tuple[Agent[None, str], list[dict[str, Any]]]:
    """An agent with one tool, and the list of what that tool was called with."""
    agent: Agent[None, str] = Agent(instructions="You help to train inspection models.")
    calls: list[dict[str, Any]] = []

    @agent.tool_plain
    async def count_images(dataset: str, limit: int = 10) -> dict[str, int]:
        """Count the images of a data set.

        Args:
            dataset: name of the data set
            limit: at most this many folders
        """
        calls.append({"dataset": dataset, "limit": limit})
        return {"good": 120}

    return agent, calls


async def turn(agent: Agent[None, str], model: Model, *, settings: ModelSettings | None = None) -> AgentRunResult[str]:
    """One streamed turn, as a conversation makes it."""
    async with agent.run_stream_events("How many?", model=model, model_settings=settings) as events:
        async for _ in events:
            pass
    assert events.result is not None
    return events.result


async def failure(
    server: LLMServer, script: list[Reply], protocol: Protocol, settings: ModelSettings | None = None
) -> AgentRunError:
    """The error that a streamed turn ends with."""
    agent, _ = small_agent()
    server.play(script)
    async with model_at(server, protocol) as model:
        with pytest.raises(AgentRunError) as caught:
            await turn(agent, model, settings=settings)
    return caught.value


# ---- choosing ----


def test_without_key_or_address_the_built_in_assistant_talks_and_nothing_leaves() -> None:
    provider = choose(Settings())
    assert (provider.name, provider.sends_data_to, provider.label) == ("built-in", "this machine", "built-in assistant")
    assert model_settings(provider) == {}


def test_a_compatible_server_goes_before_anthropic_and_anthropic_before_openai() -> None:
    keys = {"ANTHROPIC_API_KEY": "a", "OPENAI_API_KEY": "o"}
    local = {"MURASCOPE_LLM_BASE_URL": "http://localhost:11434/v1", "MURASCOPE_LLM_MODEL": "qwen3"}
    assert choose(settings_for({**keys, **local})).name == "compatible"
    assert choose(settings_for(keys)).name == "anthropic"
    assert choose(settings_for({"OPENAI_API_KEY": "o"})).name == "openai"


@pytest.mark.parametrize(
    ("environment", "host"),
    [
        ({"ANTHROPIC_API_KEY": "a"}, "api.anthropic.com"),
        ({"OPENAI_API_KEY": "o"}, "api.openai.com"),
        ({"ANTHROPIC_API_KEY": "a", "ANTHROPIC_BASE_URL": "https://llm.plant.example"}, "llm.plant.example"),
        ({"MURASCOPE_LLM_BASE_URL": "http://10.0.0.7:8000/v1"}, "10.0.0.7"),
        ({"MURASCOPE_LLM_BASE_URL": "http://localhost:11434/v1"}, "this machine"),
        ({"MURASCOPE_LLM_BASE_URL": "http://[::1]:8000/v1"}, "this machine"),
    ],
)
def test_the_provider_says_where_the_text_goes(environment: dict[str, str], host: str) -> None:
    assert choose(settings_for(environment)).sends_data_to == host


@pytest.mark.parametrize(
    "url", ["localhost:11434", "ftp://host/v1", "http://", "https://me:secret@host/v1", "me:secret@host"]
)
def test_an_address_that_is_none_is_refused_by_the_name_of_its_setting(url: str) -> None:
    with pytest.raises(ValueError, match="MURASCOPE_LLM_BASE_URL") as caught:
        choose(settings_for({"MURASCOPE_LLM_BASE_URL": url}))
    assert "secret" not in str(caught.value)


def test_no_key_shows_in_a_provider_or_in_the_settings() -> None:
    settings = settings_for({"ANTHROPIC_API_KEY": KEY, "OPENAI_API_KEY": KEY, "MURASCOPE_LLM_API_KEY": KEY})
    assert KEY not in repr(settings) + repr(choose(settings)) + str(model_settings(choose(settings)))


def test_the_sdks_are_loaded_only_when_one_of_them_talks() -> None:
    program = (
        "import sys; from assistant.llm.providers import choose; from assistant.settings import Settings; "
        "name = choose(Settings()).name; print(name, sorted({'anthropic', 'openai', 'torch'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=nothing_set(), cwd=PROJECT, capture_output=True, text=True
    )
    assert done.stdout.strip() == "built-in []", done.stderr


async def test_the_built_in_model_is_given_back_as_it_is() -> None:
    built_in = FunctionModel(lambda messages, info: ModelResponse(parts=[TextPart("hello")]))
    async with open_model(choose(Settings()), Settings(), built_in=built_in) as model:
        assert model is built_in
        assert (await probe(model)).ok


# ---- the same conversation over three protocols ----


async def test_the_same_script_gives_the_same_tool_calls_and_text(server: LLMServer, protocol: Protocol) -> None:
    agent, calls = small_agent()
    script: list[Reply] = [
        [Text("Let me look. "), ToolCall("count_images", {"dataset": "oled", "limit": 3})],
        Text(SENTENCE),
    ]
    server.play(script)
    async with model_at(server, protocol) as model:
        result = await agent.run("How many images are in oled?", model=model)
    assert calls == [{"dataset": "oled", "limit": 3}]
    assert result.output == SENTENCE
    assert (result.usage.input_tokens, result.usage.output_tokens, result.usage.requests) == (200, 40, 2)


async def test_a_streamed_turn_arrives_in_pieces_with_its_tool_call(server: LLMServer, protocol: Protocol) -> None:
    agent, calls = small_agent()
    script: list[Reply] = [[Text("Moment. "), ToolCall("count_images", {"dataset": "올레드"})], Text(SENTENCE)]
    server.play(script)
    async with model_at(server, protocol) as model, agent.run_stream_events("How many?", model=model) as events:
        pieces = [text for event in [event async for event in events] if (text := text_of(event))]
    assert calls == [{"dataset": "올레드", "limit": 10}]
    assert len(pieces) > 5
    assert "".join(pieces) == "Moment. " + SENTENCE


async def test_a_request_holds_schema_instructions_and_results_but_no_key(
    server: LLMServer, protocol: Protocol
) -> None:
    agent, _ = small_agent()
    server.play([ToolCall("count_images", {"dataset": "oled"}), Text("Done.")])
    async with model_at(server, protocol) as model:
        await agent.run("How many images are in oled?", model=model)
    first, second = (request.conversation for request in server.requests)
    assert first.model == MODEL
    assert first.instructions == "You help to train inspection models."
    assert first.asked == second.asked == "How many images are in oled?"
    assert first.tools["count_images"]["properties"]["limit"]["description"] == "at most this many folders"
    assert [json.loads(result.text) for result in second.results] == [{"good": 120}]
    assert all(KEY not in request.text for request in server.requests)
    assert all(KEY in request.headers["authorization"] for request in server.requests)


async def test_requests_carry_the_recommended_settings(server: LLMServer, protocol: Protocol) -> None:
    agent, _ = small_agent()
    server.play([Text("Hello.")])
    async with model_at(server, protocol) as model:
        await agent.run("hello", model=model)
    body = server.requests[0].body
    assert "temperature" not in body
    if protocol == "anthropic":
        assert (body["max_tokens"], body["tool_choice"]["disable_parallel_tool_use"]) == (8000, True)
        assert "cache_control" in server.requests[0].text
    else:
        assert body["parallel_tool_calls"] is False
    if protocol == "responses":
        assert (body["max_output_tokens"], body["store"]) == (8000, False)


async def test_a_compatible_server_gets_nothing_that_is_meant_for_openai(
    server: LLMServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OPENAI_API_KEY", "OPENAI_ADMIN_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID"):
        monkeypatch.setenv(name, "meant-for-openai")
    agent, _ = small_agent()
    server.play([Text("Hello.")])
    async with model_at(server, "chat") as model:
        await agent.run("hello", model=model)
    assert "meant-for-openai" not in str(server.requests[0])


async def test_without_a_model_name_the_first_served_model_is_asked() -> None:
    agent, _ = small_agent()
    with LLMServer([Text("Hello.")], models=["qwen3-32b", "other"]) as server:
        settings = Settings(llm_base_url=f"{server.url}/v1")
        async with open_model(choose(settings), settings) as model:
            await agent.run("hello", model=model)
    assert server.requests[0].conversation.model == "qwen3-32b"


async def test_a_proxy_is_not_asked_for_this_machine(
    server: LLMServer, monkeypatch: pytest.MonkeyPatch, protocol: Protocol
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    agent, _ = small_agent()
    server.play([Text("Hello.")])
    async with model_at(server, protocol) as model:
        assert (await agent.run("hello", model=model)).output == "Hello."


async def test_cancelling_in_mid_answer_closes_the_connection(server: LLMServer, protocol: Protocol) -> None:
    agent, _ = small_agent()
    server.play([SlowWords("word " * 10_000)])

    async def listen_to_the_first_word(model: Model) -> None:
        async with agent.run_stream_events("talk", model=model) as events:
            async for event in events:
                if text_of(event):
                    events.cancel()

    async with model_at(server, protocol) as model:
        with pytest.raises(RunCancelled):
            await listen_to_the_first_word(model)
        assert await asyncio.to_thread(server.saw_disconnect)


def text_of(event: object) -> str:
    match event:
        case PartStartEvent(part=TextPart(content=text)) | PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
            return text
    return ""


# ---- what goes wrong ----


@pytest.mark.parametrize(
    ("reply", "code", "retry"),
    [
        (Status(429), "llm_busy", True),
        (Status(500), "llm_busy", True),
        (Status(503), "llm_busy", True),
        (Status(529), "llm_busy", True),
        (Status(401), "llm_key", False),
        (Status(403), "llm_key", False),
        (Status(429, kind="quota"), "llm_key", False),
        (Status(400), "llm_rejected", False),
        (Status(404), "llm_rejected", False),
        (TooLong(), "llm_context", False),
        (Status(413), "llm_context", False),
        (CutMidStream(Text(SENTENCE)), "llm_unreachable", True),
        (CutMidStream(ToolCall("count_images", {"dataset": "oled"})), "llm_unreachable", True),
        (WebPage(), "llm_nonsense", True),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
async def test_every_fault_is_explained(
    server: LLMServer, reply: Reply, code: str, retry: bool, protocol: Protocol
) -> None:
    error = await failure(server, [reply], protocol, {"max_retries": 0})
    explained = explain(error, url=server.url)
    assert (explained.code, explained.retry) == (code, retry)
    assert explained.message.endswith(".")
    assert explained.hint.endswith(".")


@pytest.mark.parametrize("setting", ["first_event_timeout", "request_timeout", "timeout"])
async def test_a_hanging_server_is_a_timeout_and_is_let_go(server: LLMServer, setting: str, protocol: Protocol) -> None:
    error = await failure(server, [Hang()], protocol, {"max_retries": 0, setting: 0.2})
    assert explain(error).code == "llm_timeout"
    assert server.saw_disconnect()


async def test_a_run_that_takes_too_long_is_a_timeout(server: LLMServer, protocol: Protocol) -> None:
    agent, _ = small_agent()
    server.play([Hang()])
    async with model_at(server, protocol) as model:
        with pytest.raises(AgentRunError) as caught:
            await agent.run("hello", model=model, timeout=0.2)
    assert explain(caught.value).code == "llm_timeout"


async def test_a_server_that_is_not_there_is_unreachable(protocol: Protocol) -> None:
    agent, _ = small_agent()
    server = LLMServer([])
    with server:
        environment = server.environment(protocol)
        url = server.url
    settings = settings_for(environment)
    async with open_model(choose(settings), settings) as model:
        with pytest.raises(AgentRunError) as caught:
            await agent.run("hello", model=model, model_settings={"max_retries": 0})
        assert url in (await probe(model)).message
    explained = explain(caught.value, url=url)
    assert explained.code == "llm_unreachable"
    assert url in explained.message


async def test_a_short_failure_is_retried_once_and_stays_unseen(server: LLMServer, protocol: Protocol) -> None:
    agent, _ = small_agent()
    server.play([Status(500), Text("Hello.")])
    async with model_at(server, protocol) as model:
        assert (await agent.run("hello", model=model)).output == "Hello."
    assert len(server.requests) == 2


async def test_a_long_pause_is_told_at_once_and_not_slept(server: LLMServer, protocol: Protocol) -> None:
    error = await failure(server, [Status(429, retry_after=300)], protocol)
    assert explain(error).code == "llm_busy"
    assert "300 s" in explain(error).hint
    assert len(server.requests) == 1


async def test_a_server_without_tool_parser_is_told_how_to_get_one(server: LLMServer) -> None:
    words = '"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set'
    error = await failure(server, [Status(400, words)], "chat")
    assert words in explain(error).message
    assert "MURASCOPE_LLM_MODEL" in explain(error).hint


@pytest.mark.parametrize("status", [400, 401, 404, 500])
async def test_a_key_echoed_by_the_server_is_not_shown(server: LLMServer, status: int, protocol: Protocol) -> None:
    error = await failure(server, [Status(status, f"bad key {KEY} (Bearer {KEY})")], protocol, {"max_retries": 0})
    assert KEY not in "".join(map(str, explain(error)))


async def test_broken_tool_calls_go_back_to_the_llm_which_may_mend_them(server: LLMServer, protocol: Protocol) -> None:
    good = ToolCall("count_images", {"dataset": "oled"})
    for broken in (cut_arguments(good), ToolCall("count_images", {"limit": "many"}), ToolCall("no_such_tool")):
        agent, calls = small_agent()
        server.play([broken, good, Text("Done.")])
        async with model_at(server, protocol) as model:
            result = await turn(agent, model)
        assert (result.output, calls) == ("Done.", [{"dataset": "oled", "limit": 10}])
        assert [result.failed for result in server.requests[1].conversation.results] == [True]


async def test_an_llm_that_never_mends_its_call_is_nonsense(server: LLMServer, protocol: Protocol) -> None:
    broken = ToolCall("count_images", {"limit": "many"})
    error = await failure(server, [broken] * 4, protocol)
    assert explain(error).code == "llm_nonsense"


async def test_an_llm_that_only_calls_tools_is_nonsense(server: LLMServer) -> None:
    agent, _ = small_agent()
    server.play(lambda conversation: ToolCall("count_images", {"dataset": "oled"}))
    async with model_at(server, "anthropic") as model:
        with pytest.raises(UsageLimitExceeded) as caught:
            await agent.run("hello", model=model, usage_limits=UsageLimits(request_limit=3))
    assert explain(caught.value).code == "llm_nonsense"
    assert len(server.requests) == 3


# ---- the probe ----


def reporting(answer: Callable[[int], Reply]) -> Callable[[Conversation], Reply]:
    """A script that answers the probe with `answer` of the number that was asked for."""

    def reply(conversation: Conversation) -> Reply:
        number = next(int(word.strip(".")) for word in conversation.asked.split() if word.strip(".").isdigit())
        return answer(number)

    return reply


async def test_the_probe_passes_an_llm_that_calls_the_tool(server: LLMServer, protocol: Protocol) -> None:
    server.play(reporting(lambda n: ToolCall("report_number", {"number": n})))
    async with model_at(server, protocol) as model:
        found = await probe(model)
    assert found.ok
    assert server.requests[0].body["stream"] is True


@pytest.mark.parametrize(
    ("answer", "message", "hint"),
    [
        (lambda n: Text(f"The number is {n}."), "called no tool", "--tool-call-parser"),
        (lambda n: call_as_text(ToolCall("report_number", {"number": n})), "as plain text", "--tool-call-parser"),
        (lambda n: ToolCall("report_number", {"number": n + 1}), "wrong arguments", "larger model"),
        (lambda n: cut_arguments(ToolCall("report_number", {"number": n})), "wrong arguments", "larger model"),
        (lambda n: ToolCall("something_else", {"number": n}), "wrong arguments", "larger model"),
        (lambda n: Status(401), "refused the key", "key is complete"),
        (lambda n: Status(404), "does not know the model 'test-model'", "MURASCOPE_LLM_MODEL"),
        (lambda n: Hang(), "did not answer in time", "too slow"),
    ],
    ids=["text", "call as text", "wrong number", "cut arguments", "other tool", "key", "model", "hang"],
)
async def test_the_probe_says_what_is_wrong_and_what_to_do(
    server: LLMServer, answer: Callable[[int], Reply], message: str, hint: str, protocol: Protocol
) -> None:
    server.play(reporting(answer))
    async with model_at(server, protocol) as model:
        found = await probe(model, timeout_s=0.5 if message == "did not answer in time" else 20)
    assert not found.ok
    assert message in found.message
    assert server.url in found.message
    assert hint in found.hint
