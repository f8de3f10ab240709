"""A tool that another program calls (assistant/mcp): the same tools at the same desk, but nobody there who could say yes.

What needs a yes is not done by the call. It is put before the people of the conversation, on the plan's card or as a question of its
own, and the program is told that it waits there.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from pydantic_ai import DeferredToolRequests, RunUsage
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from assistant.chat.agent import LIMITS, TURN_TIMEOUT_S, make_agent
from assistant.chat.called_with import problems
from assistant.chat.desks import Desks
from assistant.chat.open_questions import OpenQuestions
from assistant.chat.own_words import new_key
from assistant.chat.parts import Parts
from assistant.chat.plan_cards import PlanCards
from assistant.chat.transcript import Transcript
from assistant.chat.turns import Turns
from assistant.frames import ConfirmItem, ToolItem
from assistant.offline.words import built_in_words
from assistant.refused import Refused
from assistant.state import after_refusal, after_result
from assistant.tools import tool_names, traits
from assistant.tools.desk import Desk
from assistant.tools.words import question_words
from prompts.languages import Language
from prompts.rendering import render


@dataclass(frozen=True)
class Called:
    """What became of a call. `facts` are what the tool returned; of what was refused, why; of what waits for a yes, what is asked."""

    status: Literal["done", "needs_approval", "refused", "invalid"]
    facts: Mapping[str, Any]


class UnknownTool(Refused, LookupError):
    """There is no tool of this name."""

    def __init__(self, name: str):
        super().__init__("unknown_tool", f"there is no tool {name[:100]!r} (have: {', '.join(tool_names())})")


class Calls:
    """Those in one conversation."""

    def __init__(
        self,
        parts: Parts,
        transcript: Transcript,
        desks: Desks,
        cards: PlanCards,
        questions: OpenQuestions,
        turns: Turns,
    ):
        self._parts, self._transcript, self._desks = parts, transcript, desks
        self._cards, self._questions, self._turns = cards, questions, turns

    async def call(self, tool: str, arguments: Mapping[str, Any], language: Language) -> Called:
        """Call a tool of the folder, show it in the conversation and remember it there as if the agent had called it.

        Raises:
            UnknownTool: there is no such tool.
            FrameRefused: an answer is being made there, and takes its time.
        """
        if tool not in tool_names():
            raise UnknownTool(tool)
        if (wrong := problems(tool, arguments)) is not None:
            return Called("invalid", {"message": wrong})
        await self._turns.hear_out()
        desk, call, began = self._desks.in_language(language), _part(tool, arguments), time.monotonic()
        done = await make_agent().run(
            render("agent/called.md.j2", tool=tool),
            model=_caller(call),
            deps=desk,
            usage_limits=LIMITS,
            timeout=TURN_TIMEOUT_S,
        )
        if isinstance(done.output, DeferredToolRequests):
            return await self._ask(desk, call, done.output.metadata.get(call.tool_call_id, {}))
        called = await self._take(desk, call, _answer_to(call, done.all_messages()))
        await self._show(called, call, language, seconds=time.monotonic() - began)
        return called

    async def _take(self, desk: Desk, call: ToolCallPart, answer: ToolReturnPart) -> Called:
        """What the tool answered, which the conversation remembers."""
        tool, arguments = call.tool_name, call.args_as_dict()
        if answer.outcome == "success":
            facts = answer.content if isinstance(answer.content, dict) else {"result": answer.content}
            await desk.memory.change(partial(after_result, tool=tool, arguments=arguments, result=facts))
            return Called("done", self._parts.mask.value(facts))
        refusal = desk.refusals[-1]
        why = partial(after_refusal, code=refusal.code, message=refusal.message, values=refusal.values)
        await desk.memory.change(partial(why, tool=tool, arguments=arguments))
        return Called("refused", self._parts.mask.value(refusal.facts()))

    async def _show(self, called: Called, call: ToolCallPart, language: Language, *, seconds: float) -> None:
        """The folded line of the call. Arguments that are none are a matter between programs."""
        tool, facts = call.tool_name, dict(called.facts)
        if called.status == "invalid" or (called.status == "done" and traits(tool).silent):
            return
        became: dict[str, Any] = {"state": "done", "result": facts}
        if called.status == "refused":
            became = {"state": "asks", "error": built_in_words("refused", language, facts, tool=tool)}
        item = ToolItem(tool=tool, arguments=call.args_as_dict(), seconds=round(seconds, 2), **became)
        await self._transcript.show(f"tool-{new_key()}", item)

    async def _ask(self, desk: Desk, call: ToolCallPart, asked: dict[str, Any]) -> Called:
        """Put before the people of the conversation what needs their yes: the plan's card, or a question of its own."""
        tool, arguments = call.tool_name, call.args_as_dict()
        await desk.memory.change(partial(after_result, tool=tool, arguments=arguments, result=asked, outcome="asks"))
        if traits(tool).asks_on == "card":
            await self._put_question(desk, call, asked)
            asked = {**asked, "question": question_words(tool, asked, desk.language)}
        elif (card := await self._cards.card_of(asked["proposal"])) is not None:
            await self._cards.show_again(card)  # it is what was asked last
        return Called("needs_approval", self._parts.mask.value(asked))

    async def _put_question(self, desk: Desk, call: ToolCallPart, asked: dict[str, Any]) -> None:
        """The agent waits for the answer, as if the call were its own: a yes lets it go on. One that stands open already stays as it is."""
        waits_for = await self._questions.tools()
        open_now = [item for _, _, item in await self._transcript.items() if isinstance(item, ConfirmItem)]
        if any(
            (each.state, each.action, each.values) == ("open", call.tool_name, asked) and each.call in waits_for
            for each in open_now
        ):
            return
        histories, conversation = self._parts.histories, self._transcript.conversation
        history = await histories.load(conversation)
        done = await make_agent().run(
            render("agent/called.md.j2", tool=call.tool_name),
            conversation=replace(history, usage=RunUsage()),
            deferred_tool_results=await self._questions.pass_over(),
            model=_caller(call),
            deps=desk,
            usage_limits=LIMITS,
        )
        await histories.save(conversation, done.conversation)
        item = ConfirmItem(
            call=call.tool_call_id, action=call.tool_name, values=asked, ends=traits(call.tool_name).ends
        )
        await self._transcript.show(f"confirm-{call.tool_call_id}", item)


def _part(tool: str, arguments: Mapping[str, Any]) -> ToolCallPart:
    return ToolCallPart(tool, dict(arguments), tool_call_id=f"call-{new_key()}")


def _caller(call: ToolCallPart) -> FunctionModel:
    """A model that makes this one call and has nothing to say of its answer."""

    def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        is_answered = any(part.tool_call_id == call.tool_call_id for part in _returned(messages[-1]))
        return ModelResponse(parts=[TextPart("done")] if is_answered else [call])

    return FunctionModel(answer, model_name="murascope-called")


def _answer_to(call: ToolCallPart, messages: list[ModelMessage]) -> ToolReturnPart:
    return next(part for message in messages for part in _returned(message) if part.tool_call_id == call.tool_call_id)


def _returned(message: ModelMessage) -> list[ToolReturnPart]:
    return [part for part in message.parts if isinstance(part, ToolReturnPart)]
