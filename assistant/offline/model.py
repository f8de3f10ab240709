"""The built-in assistant: rules and a small classifier instead of an LLM, behind the same interface, so that it drives the same agent and tools.

It understands what is asked for (assistant/offline/understand.py), makes the calls that follow from it one after the other, and words the
facts they return. What needs a person's yes comes last. No key, no network.
"""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic_ai.messages import ModelMessage, ToolReturnPart, UserPromptPart
from pydantic_ai.models.function import AgentInfo, DeltaToolCall, DeltaToolCalls, FunctionModel

from assistant.offline.in_context import in_context
from assistant.offline.references import asks_why
from assistant.offline.requests import Understood
from assistant.offline.runs_meant import KnownRun
from assistant.offline.said import Said
from assistant.offline.words import built_in_words
from assistant.state import Question, Request, State, last_changed
from assistant.tools import starter, traits
from assistant.tools.desk import Refusal
from assistant.tools.unfit import refused_by_schema
from engine.contract.jobs import every_model
from prompts.languages import Language

MODEL_NAME = "murascope-built-in"


def built_in_model(
    said: Said | None,
    *,
    language: Language,
    datasets: Sequence[str],
    plan: dict[str, Any] | None,
    now: dict[str, Any] | None,
    refusals: Sequence[Refusal],
    home: Path,
    remembered: State,
    runs: Sequence[KnownRun],
    asked: list[Question],
) -> FunctionModel:
    """The model of the built-in assistant for one turn: answers in `language`, knows the names of the registered data sets.

    `said` is what the turn is about; None where it only hears the answers to its questions. `plan` is what is said of the open plan,
    `now` model and settings of that or of the run talked about, which "half the image size" is a half of;
    `refusals` are those of the turn's desk: why a tool could not do what was asked. What was learned is kept in `home`. `remembered` is what the conversation remembered before
    it was said, `runs` are those that can be meant, the ones it spoke of first; what is asked back is put into `asked`.
    """
    answer = _Answer(
        language=language, datasets=datasets, plan=plan, refusals=refusals, remembered=remembered, asked=asked
    )

    def understood(said: Said) -> Understood:
        from assistant.offline.understand import understand  # loads numpy, which the first page does without

        changed = last_changed(remembered)
        heard = understand(said.text, datasets=datasets, language=language, home=home, plan=now, changed=changed)
        meant = in_context(heard, said, remembered, language=language, runs=runs, datasets=datasets)
        return replace(meant, masked=heard.masked)

    async def reply(messages: list[ModelMessage], info: AgentInfo) -> AsyncIterator[str | DeltaToolCalls]:
        returned = [part for part in messages[-1].parts if isinstance(part, ToolReturnPart)]
        if _is_said(messages[-1]) and said is not None:
            answer.begin(await asyncio.to_thread(understood, said))  # it reads the examples once, and may have to learn
        words, calls = answer.next_step([] if _is_said(messages[-1]) else returned)
        if words:
            yield "\n\n".join(words)
        if calls:
            yield _tool_calls(calls)

    return FunctionModel(stream_function=reply, model_name=MODEL_NAME)


class _Answer:
    """What is left to do of what was asked for, in its order, and what is said meanwhile."""

    def __init__(
        self,
        *,
        language: Language,
        datasets: Sequence[str],
        plan: dict[str, Any] | None,
        refusals: Sequence[Refusal],
        remembered: State,
        asked: list[Question],
    ):
        self._language, self._datasets, self._plan, self._refusals = language, datasets, plan, refusals
        self._remembered, self._asked = remembered, asked
        self._left: list[Request] = []
        self._words: list[str] = []  # to be said next
        self._left_out: tuple[str, ...] = ()
        self._called: list[Request] = []
        self._looking: str | None = None  # a tool that is called before another one and not told of

    def begin(self, heard: Understood) -> None:
        if (why := self._why(heard)) is not None:
            self._words.append(why)
            return
        self._left, self._left_out = sorted(heard.requests, key=_how_late), heard.left_out
        if heard.asks is not None:
            self._words.append(self._question(heard.asks))
            self._asked.append(heard.asks)
        elif heard.unused:
            self._words.append(self._say("unused", {"unused": heard.unused}))

    def _why(self, heard: Understood) -> str | None:
        """Why it was refused, or why the open plan is as it is, where that is asked: of what was done last, or of a plan's setting."""
        why, act, plan = asks_why(heard.masked), self._remembered.act, self._remembered.plan
        is_of_a_run = any("run" in request.arguments for request in heard.requests)
        if why is None or is_of_a_run or any(traits(each.tool).plans for each in heard.requests if each.tool):
            return None
        if why == "bare" and act is not None and act.outcome == "refused":
            return self._say("refused", act.told, tool=act.tool)
        is_last = plan is not None and act is not None and act.told.get("proposal") == plan.proposal
        if plan is None or self._plan is None or not (why == "of a plan" or (why == "bare" and is_last)):
            return None
        return self._say("why_plan", {"plan": self._plan | {"chosen": plan.chosen}})

    def next_step(self, returned: Sequence[ToolReturnPart]) -> tuple[list[str], list[Request]]:
        """What is said of what the tools returned, and the calls that come next."""
        calls = [call for part in returned for call in self._told(part)]
        # what needs a yes ends the turn, so that what was told before it has its words first
        while self._left and not (calls and not all(map(_asks, [*calls, self._left[0]]))):
            request = self._left[0]
            if request.tool is None:
                self._words.append(
                    self._say(request.intent, {**request.arguments, "datasets": self._datasets, "plan": self._plan})
                )
            elif (
                (look := _look_before(request))
                and look not in self._called
                and look.arguments["dataset"] in self._datasets
            ):
                self._looking = look.tool
                self._call(look, calls)
                break
            else:
                self._call(request, calls)
            self._left.pop(0)
        words, self._words = self._words, []
        return words, calls

    def _call(self, request: Request, calls: list[Request]) -> None:
        self._called.append(request)
        calls.append(request)

    def _told(self, returned: ToolReturnPart) -> list[Request]:
        """Puts into words what a tool returned; the call that follows from it, if one does."""
        tool, facts = returned.tool_name, returned.content if isinstance(returned.content, dict) else {}
        if returned.outcome == "denied":
            self._words.append(self._say("declined", {}, tool=tool))
        elif returned.outcome != "success":
            refused = refused_by_schema(returned.content) or self._refusal(str(returned.content))
            self._words.append(self._say("refused", refused.facts(), tool=tool))
        elif self._left and tool == self._looking:
            return []
        elif "proposal" in facts:
            self._words.append(self._say("result", facts | {"left_out": _titles(self._left_out)}, tool=tool))
            return [Request(starter(), {"proposal": facts["proposal"]})]
        else:
            self._words.append(self._say("result", facts, tool=tool))
        return []

    def _refusal(self, message: str) -> Refusal:
        latest = list(reversed(self._refusals))
        return next((each for each in latest if each.message in message), Refusal("other", message, {}))

    def _question(self, question: Question) -> str:
        return self._say(question.code, {"named": question.named, "choices": [each.says for each in question.choices]})

    def _say(self, say: str, facts: dict[str, Any], *, tool: str | None = None) -> str:
        return built_in_words(say, self._language, facts, tool=tool)


def _how_late(request: Request) -> int:
    """What is told comes first, then a plan, then what is asked on a card of its own."""
    if request.tool is None:
        return 0
    return 2 if _asks(request) else 1 if traits(request.tool).plans else 0


def _look_before(request: Request) -> Request | None:
    """The look at the data that comes before a request, and that an earlier one may have taken already."""
    looks = traits(request.tool).looks_first if request.tool else None
    return (
        Request(looks, {"dataset": request.arguments["dataset"]}) if looks and "dataset" in request.arguments else None
    )


def _asks(request: Request) -> bool:
    """Whether it waits for a person's yes, and so stands beside another that does."""
    return request.tool is not None and traits(request.tool).asks_on is not None


def _titles(models: Sequence[str]) -> list[str]:
    return [every_model()[name].title if name in every_model() else name for name in models]


def _is_said(message: ModelMessage) -> bool:
    """Whether a person's words are in it, and not only what tools returned."""
    return any(isinstance(part, UserPromptPart) for part in message.parts)


def _tool_calls(calls: Sequence[Request]) -> DeltaToolCalls:
    return {  # from 1: after the text, which is part 0
        at: DeltaToolCall(
            call.tool,
            json.dumps(call.arguments, ensure_ascii=False, allow_nan=False),
            tool_call_id=f"call-{secrets.token_hex(6)}",
        )
        for at, call in enumerate(calls, 1)
    }
