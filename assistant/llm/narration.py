"""Lets an LLM's text through sentence by sentence, each only when all its figures are known facts.

A sentence that does not end within LONGEST_SENTENCE characters is withheld, and of one answer no more than LONGEST_ANSWER characters are
shown: so the time it takes grows only with the length of the text, whatever an LLM sends.
"""

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from typing import Any

from pydantic_ai.messages import ModelMessage, ToolCallPart, ToolReturnPart, UserPromptPart

from assistant.llm.grounding import Facts, facts_in, unsupported
from assistant.tools import traits

LONGEST_SENTENCE = 2_000
LONGEST_ANSWER = 40_000

# A sentence ends at a line break, at a full-width stop, or at a stop followed by space (so not inside 0.987).
_SENTENCE_END = re.compile(r"\n+|[。！？]+(?=\D)|[.!?]+(?=\s)")
# The number of a list's entry, at the start of a line: 1. or 1) or ①
_LIST_MARKER = re.compile(r"[ \t]{0,8}(?:\*\*|__)?(?:(\d{1,2})[.)](?=[ \t])|([\u2460-\u2473]))")
# Every number in it is glued to a letter before it.
_IS_PLAIN_NAME = re.compile(r"(?:(?<![a-z0-9_])[a-z_]\w*|[./@:+\-](?=[a-z_]))+", re.ASCII)


class Narration:
    """The text of one answer. `feed` returns what may be shown; `withheld` counts the sentences that may not."""

    def __init__(self, known: "Known"):
        self.known = known
        self.withheld = 0
        self._pending = ""
        self._is_too_long = False  # the present sentence is, so that its rest is withheld too
        self._shown = 0
        self._starts_line = True
        self._entry = 0  # the number of the list's last entry

    def feed(self, text: str) -> str:
        """Take more of the answer; return the whole sentences of it that hold."""
        seen = max(len(self._pending) - 1, 0)
        self._pending += text
        shown, start = [], 0
        for end in _SENTENCE_END.finditer(self._pending, seen):
            if not self._ends_marker(start, end):
                shown.append(self._passed(self._pending[start : end.end()]))
                start = end.end()
        self._pending = self._pending[start:]
        if len(self._pending) > LONGEST_SENTENCE:
            self._pending, self._is_too_long = "", True
        return "".join(shown)

    def finish(self) -> str:
        """The rest of the answer, if it holds."""
        rest, self._pending = self._pending, ""
        shown = self._passed(rest) if rest or self._is_too_long else ""
        self._starts_line, self._entry = True, 0
        return shown

    def _ends_marker(self, start: int, end: re.Match[str]) -> bool:
        """Whether the stop belongs to the number of a list's entry, so that the sentence goes on."""
        if not self._starts_line or end.end() - start > 12:
            return False
        marker = _LIST_MARKER.match(self._pending, start)
        return marker is not None and marker.end() == end.end()

    def _passed(self, sentence: str) -> str:
        self._shown += len(sentence)
        is_short = not self._is_too_long and len(sentence) <= LONGEST_SENTENCE and self._shown <= LONGEST_ANSWER
        holds, ends_line = is_short and self._holds(sentence), sentence.endswith("\n")
        self._starts_line, self._is_too_long = ends_line, False
        if holds:
            return sentence
        self.withheld += 1
        return "\n" if ends_line else ""

    def _holds(self, sentence: str) -> bool:
        marker = _LIST_MARKER.match(sentence) if self._starts_line else None
        if marker is not None:
            entry = int(marker[1]) if marker[1] else ord(marker[2]) - 0x245F
            if entry in (1, self._entry + 1):  # entries count up; any other number is a figure
                self._entry, sentence = entry, sentence[marker.end() :]
        return not unsupported(sentence, self.known.facts)


def known_from(messages: list[ModelMessage], said: str = "") -> "Known":
    """What stands after these messages, and after the message that the user has just written."""
    known, asked = Known(), dict[str, Any]()
    for message in messages:
        for part in message.parts:
            match part:
                case ToolCallPart():
                    asked[part.tool_call_id] = part.args_as_dict()
                case ToolReturnPart():
                    known.learn(part.content, {"tool": part.tool_name, **asked.get(part.tool_call_id, {})})
                case UserPromptPart():
                    known.hear(_texts(part.content))
    known.hear(said)
    return known


@dataclass
class Known:
    """What may be told: every number that a tool returned so far, every name that it returned or the user wrote, and the settings
    that the user chose. `wishes` are the whole numbers that the user wrote: no facts, for "is it 99?" measures nothing, unless
    a plan holds them as its settings."""

    facts: Facts = field(default_factory=Facts)
    wishes: set[float] = field(default_factory=set)

    def hear(self, text: str) -> None:
        """The user wrote this, which is read once. A name with a number of its own, as in AUROC:0.99, names nothing that is known."""
        said = facts_in(text)
        self.facts = self.facts | Facts(names={name for name in said.names if _IS_PLAIN_NAME.fullmatch(name)})
        self.wishes |= {number for number in said.numbers if number.is_integer()}

    def learn(self, value: object, asked: dict[str, Any]) -> None:
        """A tool returned this when it was asked with these arguments: its numbers are facts from now on."""
        self.facts = self.facts | returned_facts(value, asked, self.wishes)


def returned_facts(value: Any, asked: dict[str, Any], wishes: Set[float] = frozenset()) -> Facts:
    """What a tool's answer adds to what is known: what an LLM said itself is no fact, nor does it become one when a tool repeats it;
    a setting that the user wished for does, once it is in the plan."""
    chosen = wishes if traits(str(asked.get("tool"))).plans else frozenset()
    heard = facts_in(_without(value, [said for said in _leaves(asked) if said not in chosen]))
    if isinstance(value, str):  # why a tool refused: nothing in it shows that a name is known
        return heard
    return Facts(heard.numbers, facts_in(value).names, heard.shares)


def _leaves(value: Any) -> list[Any]:
    match value:
        case dict():
            return [leaf for each in value.values() for leaf in _leaves(each)]
        case list():
            return [leaf for each in value for leaf in _leaves(each)]
        case _:
            return [] if isinstance(value, bool) or value in (None, "") else [value]


def _without(value: Any, said: list[Any]) -> Any:
    """A tool's answer without what the LLM said; lists keep their length."""
    match value:
        case dict():
            return {name: _without(each, said) for name, each in value.items()}
        case list() | tuple():
            return [_without(each, said) for each in value]
        case str():
            for words in said:
                value = value.replace(str(words), " ")
            return value
        case _:
            return None if value in said else value


def _texts(content: str | Iterable[object]) -> str:
    return content if isinstance(content, str) else " ".join(each for each in content if isinstance(each, str))
