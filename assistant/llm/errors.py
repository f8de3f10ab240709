"""What went wrong with the LLM, in words a person can act on: one sentence what happened, one what to do.

The provider's own words are quoted where they help, without anything that looks like a key.
"""

import re
from typing import Literal, NamedTuple

from pydantic_ai.exceptions import (
    AgentRunError,
    ContentFilterError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestTimeout,
    ModelServerError,
    ModelTimeoutError,
    ModelUnavailableError,
    OutputTokenLimitExceeded,
    RunTimedOut,
    UsageLimitExceeded,
)

Code = Literal[
    "llm_unreachable", "llm_timeout", "llm_busy", "llm_key", "llm_rejected", "llm_context", "llm_nonsense"
]  # fmt: skip

TOOL_PARSER_HINT = (
    "Enable tool calls in the server (vLLM: --enable-auto-tool-choice and --tool-call-parser; Ollama: a model "
    "marked 'tools'; llama.cpp: --jinja), or set MURASCOPE_LLM_MODEL to a model that can call tools."
)


class Explanation(NamedTuple):
    """`retry`: the same message may well succeed when it is sent again."""

    code: Code
    message: str
    hint: str
    retry: bool


def explain(error: AgentRunError, *, url: str | None = None) -> Explanation:
    """Words for any error that a run of the agent raises; `url` is the address that was asked, if there is one."""
    llm = f"The LLM at {url}" if url else "The LLM"
    match error:
        case ModelRequestTimeout() | RunTimedOut():
            return Explanation("llm_timeout", f"{llm} did not answer in time.", TIMEOUT_HINT, retry=True)
        case ModelConnectionError():
            return explain_connection(error, llm)
        case ModelRateLimitError(retry_after=seconds):
            hint = f"Try again in {seconds:.0f} s." if seconds else "Try again in a minute."
            return Explanation("llm_busy", f"{llm} accepts no more requests just now.", hint, retry=True)
        case ModelUnavailableError():
            return Explanation("llm_busy", f"{llm} is overloaded.", "Try again in a minute.", retry=True)
        case ModelServerError():
            return Explanation("llm_busy", f"{llm} failed on its side.", BROKEN_HINT, retry=True)
        case ModelQuotaExceededError():
            return Explanation(
                "llm_key", f"{llm} says that the key's account has no credit left.", QUOTA_HINT, retry=False
            )
        case ModelAuthenticationError():
            return Explanation("llm_key", f"{llm} refused the key.", KEY_HINT, retry=False)
        case ModelContextWindowExceededError() | ModelHTTPError(status_code=413):
            message = "The conversation has grown too long for the LLM."
            return Explanation("llm_context", message, CONTEXT_HINT, retry=False)
        case ModelNotFoundError():
            message = f"{llm} does not know the model '{error.model_name}', or the address is wrong."
            return Explanation("llm_rejected", message, not_found_hint(error), retry=False)
        case ModelHTTPError():
            return explain_rejection(error, llm)
        case ModelAPIError():
            return Explanation(
                "llm_nonsense", f"{llm} answered something that cannot be read.", ADDRESS_HINT, retry=True
            )
    return explain_nonsense(error, llm)


TIMEOUT_HINT = "Try again; if it happens often, the server is too slow for the model."
BROKEN_HINT = "Try again; if it keeps failing, look at the status page or the log of the LLM's server."
QUOTA_HINT = "Top up the account, or set another key."
KEY_HINT = "Check that the key is complete, still valid and made for this address, then restart Murascope."
CONTEXT_HINT = "Start a new conversation; runs and data sets stay where they are."
ADDRESS_HINT = "Check the address: that of a compatible server usually ends in /v1."
NONSENSE_HINT = "Try again, in other words; if that never helps, check the address, or take a larger model."


def explain_connection(error: ModelConnectionError, llm: str) -> Explanation:
    never_reached = error.phase in ("connect", "pool")
    if isinstance(error, ModelTimeoutError) and not never_reached:
        return Explanation("llm_timeout", f"{llm} did not answer in time.", TIMEOUT_HINT, retry=True)
    if error.phase == "read":
        return Explanation("llm_unreachable", f"{llm} broke off in mid-answer.", "Try again.", retry=True)
    hint = "Check that the server is running, that the address is right, and that no firewall or proxy is in between."
    return Explanation("llm_unreachable", f"{llm} cannot be reached.", hint, retry=True)


def not_found_hint(error: ModelNotFoundError) -> str:
    suggestion = error.suggested_model_id if isinstance(error, ModelHTTPError) else None
    meant = f" (did you mean '{suggestion}'?)" if suggestion else ""
    return f"Set MURASCOPE_LLM_MODEL to a model of this server{meant}. {ADDRESS_HINT}"


def explain_rejection(error: ModelHTTPError, llm: str) -> Explanation:
    words = words_of(error)
    hint = TOOL_PARSER_HINT if "tool" in words.lower() else "Change the model or the address, or ask in another way."
    said = f': "{words}".' if words else "."
    return Explanation("llm_rejected", f"{llm} rejected the request{said}", hint, retry=False)


def explain_nonsense(error: AgentRunError, llm: str) -> Explanation:
    match error:
        case ContentFilterError():
            return Explanation("llm_rejected", f"{llm} declined to answer.", "Ask in another way.", retry=False)
        case UsageLimitExceeded():
            message = f"{llm} went on calling tools without coming to an answer."
        case OutputTokenLimitExceeded():
            message = f"{llm} wrote more than one answer may hold and was cut off."
        case _:
            message = f"{llm} gave an answer that cannot be used."
    return Explanation("llm_nonsense", message, NONSENSE_HINT, retry=True)


def words_of(error: ModelAPIError) -> str:
    """What the provider itself said, shortened, on one line, without keys."""
    body = error.body
    while isinstance(body, dict) and isinstance(body.get("error"), dict | str):
        body = body["error"]
    words = body.get("message", "") if isinstance(body, dict) else body
    if not isinstance(words, str):
        return ""
    shown = re.sub(r"\b(?:Bearer\s+\S+|(?:sk|pk|gsk|xai|hf|nvapi)[-_]\S{6,})", "[key]", " ".join(words.split()))
    return shown if len(shown) <= 300 else shown[:299] + "…"
