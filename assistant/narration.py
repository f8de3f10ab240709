"""Lets an LLM's text through sentence by sentence, each only when all its numbers are known facts."""

import re
from collections.abc import Iterable

from pydantic_ai.messages import ModelMessage, ModelRequest, ToolReturnPart, UserPromptPart

from assistant.grounding import numbers_in, unsupported

# A sentence ends at a line break, at a full-width stop, or at a stop followed by space (so not inside 0.987).
_SENTENCE_END = re.compile(r"\n+|[。！？]+|[.!?]+(?=\s)")


class Narration:
    """The text of one answer. `feed` returns what may be shown; `withheld` counts the sentences that may not."""

    def __init__(self, facts: Iterable[float]):
        self.facts = set(facts)
        self.withheld = 0
        self._pending = ""

    def learn(self, value: object) -> None:
        """A tool returned this: its numbers are facts from now on."""
        self.facts |= numbers_in(value)

    def feed(self, text: str) -> str:
        """Take more of the answer; return the whole sentences of it that hold."""
        self._pending += text
        shown, start = "", 0
        for end in _SENTENCE_END.finditer(self._pending):
            shown += self._checked(self._pending[start : end.end()])
            start = end.end()
        self._pending = self._pending[start:]
        return shown

    def finish(self) -> str:
        """The rest of the answer, if it holds."""
        rest, self._pending = self._pending, ""
        return self._checked(rest)

    def _checked(self, sentence: str) -> str:
        if unsupported(sentence, self.facts):
            self.withheld += 1
            return "\n" if sentence.endswith("\n") else ""
        return sentence


def known_numbers(messages: list[ModelMessage]) -> set[float]:
    """Every number that a tool returned or the user wrote so far; what an LLM said itself is no fact."""
    known: set[float] = set()
    for message in messages:
        if isinstance(message, ModelRequest):
            for part in message.parts:
                if isinstance(part, ToolReturnPart):
                    known |= numbers_in(part.content)
                elif isinstance(part, UserPromptPart):
                    known |= numbers_in(
                        part.content
                        if isinstance(part.content, str)
                        else [each for each in part.content if isinstance(each, str)]
                    )
    return known
