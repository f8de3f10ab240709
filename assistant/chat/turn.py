"""One turn of the agent: from a message (or an answered question) to its end, shown as items while it goes on.

This is one of the three doors where any error is caught: whatever goes wrong in a turn, the user reads what happened and what to
do, and the conversation goes on.
"""

import logging
import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
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
from assistant.chat.answering import Answering
from assistant.chat.growing_text import GrowingText
from assistant.chat.own_ids import own_ids
from assistant.chat.parts import Parts
from assistant.chat.told_results import told_results
from assistant.chat.tool_cards import ToolCards
from assistant.chat.transcript import Transcript
from assistant.frames import AssistantItem, ErrorItem, Item, ProposalItem, ToolItem, UserItem
from assistant.llm.errors import explain
from assistant.llm.known import known_from
from assistant.llm.narration import Narration
from assistant.llm.providers import open_model
from assistant.machine.metrics import Outcome
from assistant.machine.troubles import EXPECTED, report
from assistant.offline.model import built_in_model
from assistant.offline.runs_meant import KnownRun
from assistant.offline.said import Said
from assistant.offline.words import built_in_words
from assistant.plans.card import plan_key, plan_words, settings_now
from assistant.plans.form import describe
from assistant.state import State
from assistant.telling import composed
from assistant.tools.desk import Desk
from engine.contract.jobs import read_job

NAMED_RUNS = 50  # that can be meant by what they were trained with and on

logger = logging.getLogger(__name__)


class Turn:
    """One turn in a conversation."""

    def __init__(self, parts: Parts, transcript: Transcript, desk: Desk, answering: Answering):
        self._parts, self._transcript, self._desk, self._answering = parts, transcript, desk, answering
        self._token = CancellationToken()
        self._name = secrets.token_hex(4)
        self._failed = False
        self._text: GrowingText | None = None
        self._tools: ToolCards | None = None

    @property
    def outcome(self) -> Outcome:
        """How it ended, once it has."""
        return "failed" if self._failed else "stopped" if self._token.cancelled else "answered"

    def stop(self) -> None:
        """The user's Stop: the answer ends where it is."""
        self._token.cancel()

    async def take(
        self,
        *,
        said: Said | None = None,
        remembered: State | None = None,
        history: History | None = None,
        results: DeferredToolResults | None = None,
    ) -> None:
        """Run the agent over what was said, or over the answers to its questions: to the end of its own answer, to a question of its
        own, or to an error that is shown."""
        self._transcript.tell_turn(working=True)
        try:
            history = history or await self._parts.histories.load(self._desk.conversation)
            remembered = remembered or await self._desk.memory.state()
            with self._transcript.noting() as added:
                questions = await self._run(history, said, remembered, results)
            if not self._has_answered(added):
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
                    details=self._details(error),
                    retry=True,
                )
            )
        finally:
            with suppress(*EXPECTED):  # who comes next finds this process there, and goes on
                await self._answering.release()
            self._transcript.tell_turn(working=False)

    async def _run(
        self, history: History, said: Said | None, remembered: State, results: DeferredToolResults | None
    ) -> DeferredToolRequests | None:
        """Run the agent to its end; returns the questions that it waits for, shown where they have a card of their own."""
        parts, desk = self._parts, self._desk
        names = await parts.datasets.names()
        opened = remembered.plan
        card = await self._transcript.get(plan_key(opened.proposal)) if opened else None
        plan = card if isinstance(card, ProposalItem) else None
        built_in = built_in_model(
            said,
            language=desk.language,
            datasets=names,
            plan=plan_words(plan) if plan is not None else None,
            now=settings_now(plan) if plan is not None else await self._settings_of_run(remembered),
            refusals=desk.refusals,
            home=parts.settings.home,
            remembered=remembered,
            runs=await self._runs(remembered) if said is not None else [],
            asked=desk.asked,
        )
        narration = None  # of our own words, rendered from facts, nothing is held back
        if parts.provider.name != "built-in":
            known = known_from(history.messages, desk.language)
            known.name(await self._names(names))
            narration = Narration(known)
        self._text = text = GrowingText(self._transcript, self._name, desk.language, narration)
        self._tools = tools = ToolCards(self._transcript, self._name, desk, narration)
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
                capabilities=[own_ids(parts.mask), *([told_results()] if narration is not None else [])],
            ) as events,
        ):
            try:
                async for event in events:
                    await self._hear(event, text, tools)
            except RunTimedOut:
                await self._save(
                    replace(history, messages=_settled(events.all_messages()), deferred_tool_requests=None)
                )
                raise
            except RunCancelled as stopped:
                await text.end("stopped")
                await self._save(replace(history, messages=stopped.all_messages(), deferred_tool_requests=None))
                return None
            except AgentRunError:
                await self._save(
                    replace(history, messages=_settled(events.all_messages()), deferred_tool_requests=None)
                )
                raise
            assert events.result is not None
            await self._save(events.result.conversation)
            await tools.ask_back()
            output = events.result.output
            if not isinstance(output, DeferredToolRequests):
                return None
            await tools.ask(output)
            return output

    def _has_answered(self, added: Sequence[Item]) -> bool:
        """Whether the person got something new at the end, and more than folded tool lines: words, a card, or a question.

        A card that changed far above is no answer. One who stopped the turn wants none.
        """
        return self._token.cancelled or any(not isinstance(item, UserItem | ToolItem) for item in added)

    async def _say_where_it_stands(self, questions: DeferredToolRequests | None) -> None:
        """No message stays without an answer: tell of the plan that waits, or that there is nothing to say."""
        asked = questions.metadata.get(questions.approvals[0].tool_call_id, {}) if questions else {}
        plan = await self._transcript.get(plan_key(asked["proposal"])) if "proposal" in asked else None
        say, facts = ("tell_plan", {"plan": plan_words(plan)}) if isinstance(plan, ProposalItem) else ("no_answer", {})
        words = built_in_words(say, self._desk.language, facts)
        await self._transcript.show(f"said-{self._name}", AssistantItem(text=words, can_be_said=True))
        if isinstance(plan, ProposalItem):
            await self._transcript.show(plan_key(plan.proposal), plan)  # it is what was asked last

    async def _names(self, datasets: Sequence[str]) -> list[str]:
        """What the agent's instructions name, so that an LLM may."""
        desk = self._desk
        runs = await desk.runs.list(conversation=desk.conversation, limit=SHOWN_RUNS)
        plan = await desk.proposals.latest_open(desk.conversation)
        return [*datasets, *(run.id for run in runs), *([plan.id] if plan else [])]

    async def _settings_of_run(self, remembered: State) -> dict[str, Any] | None:
        """Model and settings of the run talked about, which a new plan takes over."""
        row = next(iter(await self._desk.runs.some(remembered.runs[:1])), None)
        if row is None:
            return None
        return {"model": row.subject, **{each.name: each.value for each in describe(read_job(row.spec))}}

    async def _runs(self, remembered: State) -> list[KnownRun]:
        """The runs that a person can mean: those that the conversation spoke of, the latest first, then the newest of all."""
        runs = self._desk.runs
        spoken = await runs.some(remembered.runs)
        others = [row for row in await runs.list(limit=NAMED_RUNS) if row.id not in remembered.runs]
        return [
            KnownRun(row.id, row.dataset, row.subject, row.state, spoken=row.id in remembered.runs)
            for row in (*spoken, *others)
        ]

    async def _hear(self, event: Any, text: GrowingText, tools: ToolCards) -> None:
        """Show one event of the agent."""
        match event:
            case PartStartEvent(part=TextPart(content=piece)):
                await text.begin(piece)
            case PartDeltaEvent(delta=TextPartDelta(content_delta=piece)):
                await text.add(piece)
            case PartEndEvent(part=TextPart()):
                await text.end()
            case FunctionToolCallEvent(part=part):
                await tools.begin(part, is_valid=event.args_valid is True)
            case FunctionToolResultEvent(part=ToolReturnPart() as part):
                if part.outcome == "success" and isinstance(part.content, dict) and part.content.get("answer"):
                    text.own_words = composed(part.content, self._desk.language)
                await tools.end(part)

    async def _fail(self, item: ErrorItem) -> None:
        self._failed = True
        try:
            if self._text is not None:
                await self._text.end("stopped")
            await self._transcript.show(f"error-{self._name}", item)
        except EXPECTED:  # nothing can be stored, not even that: it is told all the same
            self._transcript.tell_unstored(f"error-{self._name}", item)

    def _details(self, error: Exception) -> str:
        told = repr(error)
        return self._tools.checked(told, otherwise=type(error).__name__) if self._tools is not None else told

    async def _save(self, history: History) -> None:
        await self._parts.histories.save(self._desk.conversation, history)


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
