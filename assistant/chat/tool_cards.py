"""The tools that a turn calls: each shown as a line that opens to what went in and came out, and kept in mind; what waits for a yes is
asked, and what a tool was not told is asked back with choices."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from pydantic_ai import DeferredToolRequests
from pydantic_ai.messages import ToolCallPart, ToolReturnPart

from assistant.chat.shown_arguments import ShownArguments
from assistant.chat.transcript import Transcript
from assistant.frames import ChoicesItem, ConfirmItem, ToolItem
from assistant.llm.narration import Narration
from assistant.llm.own_words import are_own_words
from assistant.offline.words import built_in_words
from assistant.state import Choice, Outcome, Question, Request, after_refusal, after_result, with_offers, with_question
from assistant.tools import traits
from assistant.tools.desk import Desk, Memory, Refusal


class ToolCards:
    """Those of one turn. `narration`: what an LLM may say, which learns from each result; None where the words are our own."""

    def __init__(self, transcript: Transcript, turn: str, desk: Desk, narration: Narration | None):
        self._transcript, self._turn, self._desk, self._narration = transcript, turn, desk, narration
        self._shown = 0
        self._under_way: dict[str, _Call] = {}  # by call id

    async def begin(self, part: ToolCallPart, *, is_valid: bool) -> None:
        """A tool is called."""
        call = self._call(part)
        if is_valid and not traits(part.tool_name).silent:
            item = ToolItem(tool=part.tool_name, arguments=call.shown.values)
            await self._transcript.show(call.key, item)
            call = replace(call, item=item)
        self._under_way[part.tool_call_id] = call

    async def end(self, part: ToolReturnPart) -> None:
        """It returned, or was refused."""
        call = self._under_way.pop(part.tool_call_id, None) or self._call(ToolCallPart(part.tool_name, {}))
        failed = part.outcome in ("failed", "retried")
        result = part.content if isinstance(part.content, dict) else {"result": part.content}
        await self._remember(call, part)
        if self._narration is not None:
            self._narration.known.learn(part.content, part.tool_name, call.arguments)
        if (traits(part.tool_name).silent and not failed) or part.outcome in ("denied", "interrupted"):
            return
        tool = self.checked(part.tool_name, otherwise="unknown")
        item = call.item or ToolItem(tool=tool, arguments={})
        seconds = round(time.monotonic() - call.began, 2)
        change: dict[str, Any] = self._why(part) if failed else {"state": "done", "result": result}
        await self._transcript.show(call.key, item.model_copy(update={**call.shown.mend(change), "seconds": seconds}))

    async def ask(self, requests: DeferredToolRequests) -> None:
        """The agent waits for a yes: on the plan's card, or on a small question."""
        for call in requests.approvals:
            values, tool, arguments = requests.metadata.get(call.tool_call_id, {}), call.tool_name, call.args_as_dict()
            if traits(tool).asks_on == "card":  # on a plan's it comes by itself
                asked = partial(after_result, tool=tool, arguments=arguments, result=values, outcome="asks")
                await self._desk.memory.change(asked)
                item = ConfirmItem(call=call.tool_call_id, action=tool, values=values, ends=traits(tool).ends)
                await self._transcript.show(f"confirm-{self._turn}-{call.tool_call_id}", item)

    async def ask_back(self) -> None:
        """What was asked back last in this turn is remembered until it is answered, and its choices become buttons; so does what is offered."""
        if self._desk.offered:
            await show_offers(self._transcript, self._desk.memory, f"offers-{self._turn}", self._desk.offered)
        question = self._desk.asked[-1] if self._desk.asked else None
        if question is None:
            return
        await self._desk.memory.change(partial(with_question, question=question))
        if question.choices:
            item = ChoicesItem(choices=[each.says for each in question.choices])
            await self._transcript.show(f"choices-{self._turn}", item)

    def checked(self, text: str, *, otherwise: str) -> str:
        """A text that may quote an LLM, or other words where it could claim something."""
        return text if self._narration is None or are_own_words(text, self._narration.known.names) else otherwise

    async def _remember(self, call: "_Call", part: ToolReturnPart) -> None:
        """What the conversation remembers of a tool's answer. A plan that was not started yet is nothing that was done."""
        tool, arguments = part.tool_name, call.arguments
        if (refusal := self._refusal(part)) is not None:
            code, message, values = refusal.code, refusal.message, refusal.values
            refused = partial(after_refusal, tool=tool, arguments=arguments, code=code, message=message, values=values)
            await self._desk.memory.change(refused)
            if refusal.missing is not None:
                self._desk.asked.append(_question(refusal, refusal.missing, Request(tool, arguments)))
        elif part.outcome == "success" or (part.outcome == "denied" and traits(tool).asks_on != "plan"):
            outcome: Outcome = "done" if part.outcome == "success" else "declined"
            told = partial(after_result, tool=tool, arguments=arguments, result=part.content, outcome=outcome)
            await self._desk.memory.change(told)

    def _refusal(self, part: ToolReturnPart) -> Refusal | None:
        """Which of our own refusals a tool's answer is."""
        if part.outcome not in ("failed", "retried"):
            return None
        return next((each for each in reversed(self._desk.refusals) if each.message in str(part.content)), None)

    def _why(self, part: ToolReturnPart) -> dict[str, Any]:
        """How a call that did not go through is shown, in the user's language: one of our own refusals asks the user back;
        what else is said to the LLM about its call is not meant for people."""
        language = self._desk.language
        if (refusal := self._refusal(part)) is not None:
            return {"state": "asks", "error": built_in_words("refused", language, refusal.facts(), tool=part.tool_name)}
        return {"state": "failed", "error": built_in_words("call_failed", language, {})}

    def _call(self, part: ToolCallPart) -> "_Call":
        self._shown += 1  # not the call's id: some servers use the same ids again
        key, arguments = f"tool-{self._turn}-{self._shown}", part.args_as_dict()
        known = self._narration.known if self._narration is not None else None
        return _Call(key, time.monotonic(), arguments, ShownArguments(part.tool_name, arguments, known))


async def show_offers(transcript: Transcript, memory: Memory, key: str, offers: Sequence[Choice]) -> None:
    """Buttons below an answer, which say what it proposes to do."""
    offers = list({each.says: each for each in offers}.values())
    await memory.change(partial(with_offers, offers=offers))
    await transcript.show(key, ChoicesItem(choices=[each.says for each in offers], offered=True))


@dataclass(frozen=True)
class _Call:
    """A tool call that goes on: its card's key, when it began, what it was asked, and what of that is shown."""

    key: str
    began: float
    arguments: dict[str, Any]
    shown: ShownArguments
    item: ToolItem | None = None


def _question(refusal: Refusal, missing: str, request: Request) -> Question:
    """What a refusal asks back: the same with one of these for what was missing."""
    asked = replace(request, arguments={name: value for name, value in request.arguments.items() if name != missing})
    filled = [(each, replace(asked, arguments={**asked.arguments, missing: each})) for each in refusal.among]
    return Question(
        refusal.code, tuple(Choice(each, request) for each, request in filled), asked=asked, missing=missing
    )
