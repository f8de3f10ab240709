"""The built-in assistant: rules instead of an LLM, behind the same interface, so that it drives the same agent and tools.

It understands one request at a time (assistant/offline/understand.py), makes the calls that follow from it, and words the facts
they return. No key, no network.
"""

import json
import secrets
from collections.abc import AsyncIterator, Sequence
from functools import cache
from typing import Any

from pydantic_ai.messages import ModelMessage, ToolCallPart, ToolReturnPart, UserPromptPart
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, DeltaToolCalls, FunctionModel

from assistant.offline.said import Said
from assistant.offline.topics import topic_of
from assistant.offline.understand import Call, named_dataset, understand
from assistant.offline.words import built_in_words
from assistant.tools import starter, traits
from assistant.tools.desk import Refusal
from engine.contract.models import MODELS
from prompts.languages import Language

MODEL_NAME = "murascope-built-in"


def built_in_model(
    said: Said | None,
    *,
    language: Language,
    datasets: Sequence[str],
    plan: dict[str, Any] | None,
    refusals: Sequence[Refusal],
) -> FunctionModel:
    """The model of the built-in assistant for one turn: answers in `language`, knows the names of the registered data sets.

    `said` is what the turn is about, understood once; None where it only hears the answers to its questions. `plan` is what is said of
    the open plan, to whose question a text that is not understood may be meant as an answer; `refusals` are those of the turn's desk:
    why a tool could not do what was asked.
    """
    text = said.text if said else ""

    @cache
    def asked_for() -> Call | None:
        return understand(text, datasets=list(datasets), language=language)

    async def reply(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str | DeltaToolCalls]:
        returned = [part for part in messages[-1].parts if isinstance(part, ToolReturnPart)]
        if not _is_said(messages[-1]) and returned:
            async for piece in _next_step(returned[-1], asked_for(), refusals, language):
                yield piece
            return
        if (call := asked_for()) is None:
            topic = topic_of(text, language)
            help_facts = {"topic": topic.kind, "term": topic.term, "datasets": datasets}
            if plan is not None and topic.kind == "other":
                say = "tell_plan" if said and said.asks else "ask_again"
                yield built_in_words(say, language, {"plan": plan})
            else:
                yield built_in_words("help", language, help_facts)
        elif (completed := _with_what_was_asked(call, messages)) is not None:
            yield _tool_call(completed)
        elif (first := traits(call.tool).looks_first) and call.arguments.get("dataset") in datasets:
            yield _tool_call(Call(first, {"dataset": call.arguments["dataset"]}))
        elif traits(call.tool).hears_dataset:
            named = named_dataset(text, datasets=list(datasets), language=language)
            yield _tool_call(Call(call.tool, call.arguments | ({"dataset": named} if named else {})))
        else:
            yield _tool_call(call)

    return FunctionModel(stream_function=reply, model_name=MODEL_NAME)


async def _next_step(
    returned: ToolReturnPart, request: Call | None, refusals: Sequence[Refusal], language: Language
) -> AsyncIterator[str | DeltaToolCalls]:
    """The next step after a tool has answered: another call, or words about what it returned."""
    tool, facts = returned.tool_name, returned.content if isinstance(returned.content, dict) else {}
    if returned.outcome == "denied":
        yield built_in_words("declined", language, {}, tool=tool)
    elif returned.outcome != "success":
        refused = refusals[-1] if refusals else Refusal("other", str(returned.content), {})
        why = {"code": refused.code, "message": refused.message, **refused.values}
        yield built_in_words("refused", language, why, tool=tool)
    elif request is not None and tool == traits(request.tool).looks_first:
        yield _tool_call(request)
    elif "proposal" in facts:
        told = facts | {"left_out": _titles(request.left_out if request else ())}
        yield built_in_words("result", language, told, tool=tool)
        yield _tool_call(Call(starter(), {"proposal": facts["proposal"]}))
    else:
        yield built_in_words("result", language, facts, tool=tool)


def _with_what_was_asked(call: Call, messages: Sequence[ModelMessage]) -> Call | None:
    """The call that was refused for want of a data set, where this one names nothing but the data set; None where it is no such answer."""
    if call.arguments.keys() != {"dataset"} or len(messages) < 4:
        return None
    refused = [part for part in messages[-3].parts if isinstance(part, ToolReturnPart) and part.outcome != "success"]
    asked = {part.tool_call_id: part for part in messages[-4].parts if isinstance(part, ToolCallPart)}
    for part in refused:
        before = asked.get(part.tool_call_id)
        if before is not None and before.tool_name == call.tool and "dataset" not in before.args_as_dict():
            return Call(call.tool, {**before.args_as_dict(), **call.arguments})
    return None


def _titles(models: Sequence[str]) -> list[str]:
    return [MODELS[name].title if name in MODELS else name for name in models]


def _is_said(message: ModelMessage) -> bool:
    """Whether a person's words are in it, and not only what tools returned."""
    return any(isinstance(part, UserPromptPart) for part in message.parts)


def _tool_call(call: Call) -> DeltaToolCalls:
    arguments: dict[str, Any] = dict(call.arguments)
    # 1: after the text, which is part 0
    return {
        1: DeltaToolCall(
            call.tool,
            json.dumps(arguments, ensure_ascii=False, allow_nan=False),
            tool_call_id=f"call-{secrets.token_hex(6)}",
        )
    }
