"""One turn of the agent: from a message (or an answered question) to its end, shown as items while it goes on.

This is one of the three doors where any error is caught: whatever goes wrong in a turn, the user reads what happened and what to
do, and the conversation goes on.
"""

import logging
import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pydantic_ai import (
    CancellationToken,
    DeferredToolRequests,
    DeferredToolResults,
    FunctionToolCallEvent,
    FunctionToolResultEvent,
    PartDeltaEvent,
    PartEndEvent,
    PartStartEvent,
    RunCancelled,
    RunTimedOut,
    RunUsage,
    TextPart,
    TextPartDelta,
)
from pydantic_ai import Conversation as History
from pydantic_ai.exceptions import AgentRunError
from pydantic_ai.messages import ModelMessage, ModelRequest, ToolCallPart, ToolReturnPart, UserPromptPart

from assistant.chat.agent import LIMITS, SHOWN_RUNS, TURN_TIMEOUT_S, make_agent
from assistant.chat.decisions import LLM_WORDS
from assistant.chat.own_ids import own_ids
from assistant.chat.parts import Parts
from assistant.chat.shown_arguments import ShownArguments
from assistant.chat.transcript import Transcript
from assistant.frames import AssistantItem, ConfirmItem, ErrorItem, ProposalItem, ToolItem, UserItem
from assistant.llm.errors import explain
from assistant.llm.grounding import facts_in, shows_nothing, unsupported
from assistant.llm.narration import Narration, known_from
from assistant.llm.providers import open_model
from assistant.machine.troubles import EXPECTED, report
from assistant.offline.model import built_in_model
from assistant.offline.said import Said
from assistant.offline.words import built_in_words
from assistant.plans.card import plan_key, plan_words
from assistant.state import Outcome, after_refusal, after_result
from assistant.tools import traits
from assistant.tools.desk import Desk, Refusal

logger = logging.getLogger(__name__)


class Turn:
    """One turn in a conversation."""

    def __init__(self, parts: Parts, transcript: Transcript, desk: Desk):
        self._parts, self._transcript, self._desk = parts, transcript, desk
        self._token = CancellationToken()
        self._name = secrets.token_hex(4)
        self._text_key, self._text, self._texts = "", "", 0
        self._tools = 0
        self._under_way: dict[str, _Call] = {}  # by call id
        self._own_words: str | None = None  # our wording of results that were asked for in this turn
        self._narration: Narration | None = None  # None: the words are our own, rendered from facts

    def stop(self) -> None:
        """The user's Stop: the answer ends where it is."""
        self._token.cancel()

    async def take(self, *, said: Said | None = None, results: DeferredToolResults | None = None) -> None:
        """Run the agent over what was said, or over the answers to its questions: to the end of its own answer, to a question of its
        own, or to an error that is shown."""
        self._transcript.tell_turn(working=True)
        try:
            before = {key for key, _, _ in await self._transcript.items()}
            history = await self._parts.histories.load(self._desk.conversation)
            questions = await self._run(history, said, results)
            if not await self._has_answered(before=before):
                await self._say_where_it_stands(questions)
        except AgentRunError as error:
            why = explain(error, url=self._parts.provider.url)
            await self._fail(ErrorItem(code=why.code, message=why.message, hint=why.hint, retry=why.retry))
        except EXPECTED as error:
            trouble = report(error, what=f"a turn of conversation {self._desk.conversation}")
            await self._fail(ErrorItem(code=trouble.code, message=trouble.message, hint=trouble.hint, retry=True))
        except Exception as error:
            logger.exception("a turn of conversation %s failed", self._desk.conversation)
            hint = "try again; if it happens again, look at the server's log"
            await self._fail(
                ErrorItem(
                    code="internal",
                    message="something went wrong on our side",
                    hint=hint,
                    details=self._checked(repr(error), otherwise=type(error).__name__),
                    retry=True,
                )
            )
        finally:
            self._transcript.tell_turn(working=False)

    async def _run(
        self, history: History, said: Said | None, results: DeferredToolResults | None
    ) -> DeferredToolRequests | None:
        """Run the agent to its end; returns the questions that it waits for, shown where they have a card of their own."""
        parts, desk = self._parts, self._desk
        names = await parts.datasets.names()
        opened = await desk.proposals.latest_open(desk.conversation)
        card = await self._transcript.get(plan_key(opened.id)) if opened else None
        plan = plan_words(card) if isinstance(card, ProposalItem) else None
        built_in = built_in_model(said, language=desk.language, datasets=names, plan=plan, refusals=desk.refusals)
        if parts.provider.name != "built-in":
            known = known_from(history.messages, said.text if said else "")
            known.facts.names |= await self._names(names)
            self._narration = Narration(known)
        async with (
            open_model(parts.provider, parts.settings, built_in=built_in) as model,
            make_agent().run_stream_events(
                said.text if said else None,
                conversation=replace(
                    history, usage=RunUsage()
                ),  # the limits are for one turn, not for the whole conversation
                deferred_tool_results=results,
                model=model,
                deps=desk,
                cancellation_token=self._token,
                timeout=TURN_TIMEOUT_S,
                usage_limits=LIMITS,
                capabilities=[own_ids(parts.mask)],
            ) as events,
        ):
            try:
                async for event in events:
                    await self._hear(event)
            except RunTimedOut:
                await self._save(
                    replace(history, messages=_settled(events.all_messages()), deferred_tool_requests=None)
                )
                raise
            except RunCancelled as stopped:
                await self._end_text(state="stopped")
                await self._save(replace(history, messages=stopped.all_messages(), deferred_tool_requests=None))
                return None
            except AgentRunError:
                await self._save(
                    replace(history, messages=_settled(events.all_messages()), deferred_tool_requests=None)
                )
                raise
            assert events.result is not None
            await self._save(events.result.conversation)
            output = events.result.output
            if not isinstance(output, DeferredToolRequests):
                return None
            await self._ask(output)
            return output

    async def _has_answered(self, *, before: set[str]) -> bool:
        """Whether the person got something new at the end, and more than folded tool lines: words, a card, or a question.

        A card that changed far above is no answer. One who stopped the turn wants none.
        """
        shown = [item for key, _, item in await self._transcript.items() if key not in before]
        return self._token.cancelled or any(not isinstance(item, UserItem | ToolItem) for item in shown)

    async def _say_where_it_stands(self, questions: DeferredToolRequests | None) -> None:
        """No message stays without an answer: tell of the plan that waits, or that there is nothing to say."""
        asked = questions.metadata.get(questions.approvals[0].tool_call_id, {}) if questions else {}
        plan = await self._transcript.get(plan_key(asked["proposal"])) if "proposal" in asked else None
        say, facts = ("tell_plan", {"plan": plan_words(plan)}) if isinstance(plan, ProposalItem) else ("no_answer", {})
        words = built_in_words(say, self._desk.language, facts)
        await self._transcript.show(f"said-{self._name}", AssistantItem(text=words))
        if isinstance(plan, ProposalItem):
            await self._transcript.show(plan_key(plan.proposal), plan)  # it is what was asked last

    async def _names(self, datasets: Sequence[str]) -> set[str]:
        """What the agent's instructions name, so that an LLM may."""
        desk = self._desk
        runs = await desk.runs.list(conversation=desk.conversation, limit=SHOWN_RUNS)
        plan = await desk.proposals.latest_open(desk.conversation)
        return facts_in([*datasets, *(run.id for run in runs), plan.id if plan else ""]).names

    async def _hear(self, event: Any) -> None:
        """Show one event of the agent."""
        match event:
            case PartStartEvent(part=TextPart(content=text)):
                self._texts += 1
                self._text_key, self._text = f"{LLM_WORDS}{self._name}-{self._texts}", ""
                await self._add_text(text)
            case PartDeltaEvent(delta=TextPartDelta(content_delta=text)):
                await self._add_text(text)
            case PartEndEvent(part=TextPart()):
                await self._end_text()
            case FunctionToolCallEvent(part=part):
                self._under_way[part.tool_call_id] = call = self._begin_call(part)
                if event.args_valid and not traits(part.tool_name).silent:
                    await self._transcript.show(call.key, ToolItem(tool=part.tool_name, arguments=call.shown.values))
            case FunctionToolResultEvent(part=ToolReturnPart() as part):
                await self._show_result(part)

    async def _add_text(self, text: str) -> None:
        if self._narration is not None:
            text = self._narration.feed(text)
        await self._put_text(text)

    async def _put_text(self, text: str) -> None:
        if not text or (not self._text and shows_nothing(text)):
            return
        if not self._text:
            self._text = text.lstrip()
            await self._transcript.show(self._text_key, AssistantItem(text=self._text, state="streaming"))
        else:
            self._text += text
            self._transcript.add_text(self._text_key, text)

    async def _end_text(self, state: str = "done") -> None:
        """The answer is complete (or cut off): a sentence whose number no measurement supports gives way to our own words."""
        if not self._text_key:
            return
        is_whole = True
        if self._narration is not None:
            await self._put_text(self._narration.finish())
            if self._narration.withheld:
                withheld = built_in_words("withheld", self._desk.language, {})
                self._text = self._own_words or f"{self._text.strip()}\n\n{withheld}".strip()
                self._narration.withheld = 0
                is_whole = False
        if self._text:
            item = AssistantItem.model_validate({"text": self._text.strip(), "state": state, "withheld": not is_whole})
            await self._transcript.show(self._text_key, item)
        self._text_key, self._text = "", ""

    async def _show_result(self, part: ToolReturnPart) -> None:
        call = self._under_way.pop(part.tool_call_id, None) or self._begin_call(ToolCallPart(part.tool_name, {}))
        failed = part.outcome in ("failed", "retried")
        result = part.content if isinstance(part.content, dict) else {"result": part.content}
        await self._remember(call, part)
        if not failed and part.outcome == "success":
            self._own_words = str(result["text"]) if "text" in result else self._own_words
        if self._narration is not None:
            self._narration.known.learn(part.content, {"tool": part.tool_name, **call.arguments})
        if traits(part.tool_name).silent and not failed:
            return
        if part.outcome in ("denied", "interrupted"):
            return
        shown = await self._transcript.get(call.key)
        tool = self._checked(part.tool_name, otherwise="unknown")
        item = shown if isinstance(shown, ToolItem) else ToolItem(tool=tool, arguments={})
        seconds = round(time.monotonic() - call.began, 2)
        change: dict[str, Any] = self._why(part) if failed else {"state": "done", "result": result}
        await self._transcript.show(call.key, item.model_copy(update={**call.shown.mend(change), "seconds": seconds}))

    async def _remember(self, call: "_Call", part: ToolReturnPart) -> None:
        """What the conversation remembers of a tool's answer."""
        tool, arguments = part.tool_name, call.arguments
        if (refusal := self._refusal(part)) is not None:
            code, message, values = refusal.code, refusal.message, refusal.values
            refused = partial(after_refusal, tool=tool, arguments=arguments, code=code, message=message, values=values)
            await self._desk.memory.change(refused)
        elif part.outcome in ("success", "denied"):
            outcome: Outcome = "done" if part.outcome == "success" else "declined"
            told = partial(after_result, tool=tool, arguments=arguments, result=part.content, outcome=outcome)
            await self._desk.memory.change(told)

    def _refusal(self, part: ToolReturnPart) -> Refusal | None:
        """Which of our own refusals a tool's answer is."""
        if part.outcome not in ("failed", "retried"):
            return None
        return next((each for each in self._desk.refusals if each.message in str(part.content)), None)

    def _why(self, part: ToolReturnPart) -> dict[str, Any]:
        """How a call that did not go through is shown, in the user's language: one of our own refusals asks the user back;
        what else is said to the LLM about its call is not meant for people."""
        language = self._desk.language
        if (refusal := self._refusal(part)) is not None:
            facts = {"code": refusal.code, "message": refusal.message, **refusal.values}
            return {"state": "asks", "error": built_in_words("refused", language, facts, tool=part.tool_name)}
        return {"state": "failed", "error": built_in_words("call_failed", language, {})}

    async def _ask(self, requests: DeferredToolRequests) -> None:
        """The agent waits for a yes: on the plan's card, or on a small question."""
        for call in requests.approvals:
            values, tool, arguments = requests.metadata.get(call.tool_call_id, {}), call.tool_name, call.args_as_dict()
            await self._desk.memory.change(
                partial(after_result, tool=tool, arguments=arguments, result=values, outcome="asks")
            )
            if traits(call.tool_name).asks_on == "card":
                ends = traits(call.tool_name).ends
                item = ConfirmItem(call=call.tool_call_id, action=call.tool_name, values=values, ends=ends)
                await self._transcript.show(f"confirm-{self._name}-{call.tool_call_id}", item)

    async def _fail(self, item: ErrorItem) -> None:
        try:
            await self._end_text(state="stopped")
            await self._transcript.show(f"error-{self._name}", item)
        except EXPECTED:  # nothing can be stored, not even that: it is told all the same
            self._transcript.tell_unstored(f"error-{self._name}", item)

    async def _save(self, history: History) -> None:
        await self._parts.histories.save(self._desk.conversation, history)

    def _checked(self, text: str, *, otherwise: str) -> str:
        """A text that may quote an LLM, or other words where it holds a figure that no fact supports."""
        return otherwise if self._narration is not None and unsupported(text, self._narration.known.facts) else text

    def _begin_call(self, part: ToolCallPart) -> "_Call":
        self._tools += 1  # not the call's id: some servers use the same ids again
        key, arguments = f"tool-{self._name}-{self._tools}", part.args_as_dict()
        facts = self._narration.known.facts if self._narration is not None else None
        return _Call(key, time.monotonic(), arguments, ShownArguments(part.tool_name, arguments, facts))


@dataclass(frozen=True)
class _Call:
    """A tool call that goes on: its card's key, when it began, what it was asked, and what of that is shown."""

    key: str
    began: float
    arguments: dict[str, Any]
    shown: ShownArguments


def _settled(messages: list[ModelMessage]) -> list[ModelMessage]:
    """The messages without an end that nobody answered: a user's message would stand twice when it is sent again, and an
    LLM's tool call without its result would refuse every later message."""
    messages = list(messages)
    while messages and _is_open(messages[-1]):
        messages.pop()
    return messages


def _is_open(message: ModelMessage) -> bool:
    if isinstance(message, ModelRequest):
        return all(isinstance(part, UserPromptPart) for part in message.parts)
    broke_off = not message.parts
    return broke_off or any(isinstance(part, ToolCallPart) for part in message.parts)
