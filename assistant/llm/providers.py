"""Which LLM talks: chosen from the settings, opened with its own HTTP client, proven by a real tool call.

The order is: a compatible server (MURASCOPE_LLM_BASE_URL), Anthropic, OpenAI, else the built-in assistant, which needs
neither key nor network. The SDKs of Anthropic and OpenAI are loaded only when one of them talks. No key is kept here:
it goes from the settings straight into the SDK.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, ValidationError
from pydantic_ai.direct import model_request_stream
from pydantic_ai.exceptions import AgentRunError
from pydantic_ai.messages import ModelRequest, ModelResponsePart, TextPart, ToolCallPart
from pydantic_ai.models import Model, ModelRequestParameters
from pydantic_ai.settings import ModelSettings
from pydantic_ai.tools import Tool

from assistant.llm.errors import TOOL_PARSER_HINT, Explanation, explain
from assistant.settings import SettingError, Settings
from prompts.rendering import render

if TYPE_CHECKING:
    import ssl

    import httpx2
    from pydantic_ai.models.openai import OpenAIResponsesModelSettings

__all__ = ["Explanation", "Probe", "Provider", "choose", "explain", "model_settings", "open_model", "probe"]

ANTHROPIC_MODEL, ANTHROPIC_URL = "claude-sonnet-5-5", "https://api.anthropic.com"
OPENAI_MODEL, OPENAI_URL = "gpt-6.1-terra", "https://api.openai.com/v1"
LONGEST_WAIT_S = 10  # a server that wants a longer pause than this is reported as busy at once


@dataclass(frozen=True)
class Provider:
    """Who talks. `model` None means: whatever the compatible server serves first. `url` carries no password."""

    name: Literal["anthropic", "openai", "compatible", "built-in"]
    model: str | None
    url: str | None

    @property
    def label(self) -> str:
        """For the page's badge."""
        return "built-in assistant" if self.name == "built-in" else self.model or "the server's model"

    @property
    def sends_data_to(self) -> str:
        """The host that the conversation goes to, or "this machine"."""
        host = urlsplit(self.url).hostname if self.url else None
        return "this machine" if host is None or is_loopback(host) else host


def choose(settings: Settings) -> Provider:
    """The provider that the settings ask for.

    Raises SettingError when an address is none.
    """
    if settings.llm_base_url:
        url = address(settings.llm_base_url, setting="MURASCOPE_LLM_BASE_URL")
        return Provider("compatible", settings.llm_model, url)
    if settings.anthropic_api_key:
        url = address(settings.anthropic_base_url or ANTHROPIC_URL, setting="ANTHROPIC_BASE_URL")
        return Provider("anthropic", settings.llm_model or ANTHROPIC_MODEL, url)
    if settings.openai_api_key:
        url = address(settings.openai_base_url or OPENAI_URL, setting="OPENAI_BASE_URL")
        return Provider("openai", settings.llm_model or OPENAI_MODEL, url)
    return Provider("built-in", None, None)


def model_settings(provider: Provider) -> ModelSettings:
    """How to ask: bounded waits, one tool call at a time, a cached prompt, nothing stored at the provider."""
    if provider.name == "built-in":
        return {}
    if provider.name == "compatible":
        # no max_tokens: on a server with a small context it would leave no room for the question;
        # long waits: a model is loaded at the first question, and may run on a CPU
        return {"max_retries": 1, "first_event_timeout": 180, "request_timeout": 600, "parallel_tool_calls": False}
    asked: OpenAIResponsesModelSettings = {
        "max_tokens": 8000,
        "max_retries": 1,
        "first_event_timeout": 60,
        "request_timeout": 180,
        "parallel_tool_calls": False,
        "cache": True,
    }
    if provider.name == "openai":
        asked["openai_store"] = False
    return asked


@asynccontextmanager
async def open_model(provider: Provider, settings: Settings, *, built_in: Model | None = None) -> AsyncIterator[Model]:
    """The model to run the agent with, and the connections it holds until the block is left.

    `built_in` is the model of the built-in assistant, given back as it is when that is the provider.
    """
    if provider.url is None:
        assert built_in is not None, "the built-in assistant was chosen, so its model must be given"
        yield built_in
        return
    await asyncio.to_thread(load_sdk, provider)  # takes a second or two the first time: no page may freeze meanwhile
    async with http_client(provider.url) as client:
        if provider.name == "anthropic":
            yield anthropic_model(provider, settings, client)
        elif provider.name == "openai":
            yield openai_model(provider, settings, client)
        else:
            yield await compatible_model(provider, settings, client)


def load_sdk(provider: Provider) -> None:
    import_module("pydantic_ai.models.anthropic" if provider.name == "anthropic" else "pydantic_ai.models.openai")


def anthropic_model(provider: Provider, settings: Settings, client: "httpx2.AsyncClient") -> Model:
    from pydantic_ai.models.anthropic import AnthropicModel
    from pydantic_ai.providers.anthropic import AnthropicProvider

    assert provider.model is not None
    assert settings.anthropic_api_key is not None
    key = settings.anthropic_api_key.get_secret_value()
    service = AnthropicProvider(api_key=key, base_url=provider.url, http_client=client)
    return AnthropicModel(provider.model, provider=service, settings=model_settings(provider))


def openai_model(provider: Provider, settings: Settings, client: "httpx2.AsyncClient") -> Model:
    from pydantic_ai.models.openai import OpenAIResponsesModel
    from pydantic_ai.providers.openai import OpenAIProvider

    assert provider.model is not None
    assert settings.openai_api_key is not None
    key = settings.openai_api_key.get_secret_value()
    service = OpenAIProvider(api_key=key, base_url=provider.url, http_client=client)
    return OpenAIResponsesModel(provider.model, provider=service, settings=model_settings(provider))


async def compatible_model(provider: Provider, settings: Settings, client: "httpx2.AsyncClient") -> Model:
    from openai import AsyncOpenAI, Omit
    from pydantic_ai.models.openai import OpenAIChatModel
    from pydantic_ai.providers.openai_compatible import OpenAICompatibleProvider

    assert provider.url is not None
    key = settings.llm_api_key.get_secret_value() if settings.llm_api_key else None
    name = provider.model or await first_served_model(client, provider.url, key=key)
    # The SDK reads OPENAI_API_KEY, OPENAI_ORG_ID and OPENAI_PROJECT_ID by itself: another server must not see them.
    # Omit is how it leaves a header out, which its annotation of default_headers does not say.
    withheld: Any = {"OpenAI-Organization": Omit(), "OpenAI-Project": Omit()}
    sdk = AsyncOpenAI(base_url=provider.url, api_key=key or "none", default_headers=withheld, http_client=client)
    service = OpenAICompatibleProvider("compatible", openai_client=sdk)
    return OpenAIChatModel(name, provider=service, settings=model_settings(provider))


class ServedModel(BaseModel):
    id: str


class ServedModels(BaseModel):
    data: list[ServedModel]


async def first_served_model(client: "httpx2.AsyncClient", url: str, *, key: str | None) -> str:
    """The first model in the server's list; a server that gives none will say at the first question what is wrong."""
    import httpx2

    headers = {"Authorization": f"Bearer {key}"} if key else {}
    try:
        response = await client.get(f"{url.rstrip('/')}/models", headers=headers, timeout=5)
        served = ServedModels.model_validate_json(response.raise_for_status().content).data
    except (httpx2.HTTPError, ValidationError):
        return "default"
    return served[0].id if served else "default"


def http_client(url: str) -> "httpx2.AsyncClient":
    """A client for one provider: no proxy on the way to this machine, no silent sleep for as long as a server likes."""
    import httpx2
    from pydantic_ai.models import create_async_httpx2_client

    is_local = is_loopback(urlsplit(url).hostname or "")
    client = create_async_httpx2_client(transport=httpx2.AsyncHTTPTransport(verify=_trust()) if is_local else None)
    client.event_hooks["response"].append(refuse_long_pause)
    return client


@cache
def _trust() -> "ssl.SSLContext":
    """Which certificates count: read once, for that takes longer than a question over plain HTTP."""
    import httpx2

    return httpx2.create_ssl_context()


async def refuse_long_pause(response: "httpx2.Response") -> None:
    """Both SDKs would sleep a `Retry-After` of minutes before they retry; the user should hear of it instead."""
    pause = response.headers.get("retry-after")
    is_short = pause is None or (pause.isdecimal() and int(pause) <= LONGEST_WAIT_S)  # else it may be a date
    if response.is_error and not is_short:
        response.headers["x-should-retry"] = "false"


def address(url: str, *, setting: str) -> str:
    if "@" in url:
        raise SettingError(f"{setting} holds a user name or password: put the key into MURASCOPE_LLM_API_KEY instead")
    parts = urlsplit(url.strip())
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingError(
            f"{setting} is '{url}', which is no address: write it as http://host:port/v1 or https://host/v1"
        )
    return url.strip()


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


@dataclass(frozen=True)
class Probe:
    """Whether the LLM can make a tool call; if not, what is wrong and what to do, a sentence each."""

    ok: bool
    message: str
    hint: str = ""


async def probe(model: Model, *, timeout_s: float = 60.0) -> Probe:
    """Ask the LLM to call a small tool with a number made up for this once, streamed as in a real turn."""
    if model.base_url is None:
        return Probe(True, "The built-in assistant needs no connection.")
    number = random.randrange(100, 1000)
    question = ModelRequest.user_text_prompt(render("probe.md.j2", number=number))
    asked: ModelSettings = {"max_retries": 0, "request_timeout": timeout_s, "parallel_tool_calls": False}
    offered = ModelRequestParameters(function_tools=[Tool(report_number).tool_def])
    try:
        async with model_request_stream(
            model, [question], model_settings=asked, model_request_parameters=offered
        ) as stream:
            async for _ in stream:
                pass
    except AgentRunError as error:
        reason = explain(error, url=model.base_url)
        return Probe(False, reason.message, reason.hint)
    return judge(stream.get().parts, number=number, llm=f"'{model.model_name}' at {model.base_url}")


def report_number(number: int) -> None:
    """Report the number that you were given.

    Args:
        number: the number from the message.
    """


def judge(parts: Sequence[ModelResponsePart], *, number: int, llm: str) -> Probe:
    calls = [part for part in parts if isinstance(part, ToolCallPart)]
    if not calls:
        text = "".join(part.content for part in parts if isinstance(part, TextPart))
        how = "wrote its tool call as plain text" if "report_number" in text and "{" in text else "called no tool"
        return Probe(False, f"{llm} answers, but {how}.", TOOL_PARSER_HINT)
    if calls[0].tool_name != "report_number" or calls[0].args_as_dict() != {"number": number}:
        hint = "Set MURASCOPE_LLM_MODEL to a larger model, or to one made for tool calls."
        return Probe(False, f"{llm} called the tool, but with the wrong arguments.", hint)
    return Probe(True, f"{llm} answers and can call tools.")
