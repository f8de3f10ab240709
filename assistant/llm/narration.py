"""What is shown of an LLM's answer: our own sentences where it refers to them, and of its own words those that claim nothing.

An LLM refers to a sentence by its id in double brackets, [[r3.image_auroc]]. Its text comes in pieces and is let through sentence by
sentence. In each the references give way to our sentences; what is left must be own words (own_words.py). Where it is not, it is
dropped, and what it says in other words of ours (restating.py) is told in ours. So whatever is said of a result was worded by us from
facts, and holds whatever an LLM sends.

A sentence that does not end within LONGEST_SENTENCE characters is dropped, and of one answer no more than LONGEST_ANSWER characters are
taken: so the time it takes grows only with the length of the text.
"""

import re

from assistant.llm.known import Known
from assistant.llm.own_words import are_own_words
from assistant.llm.reading import shows_nothing
from assistant.llm.restating import restated

LONGEST_SENTENCE = 2_000
LONGEST_ANSWER = 40_000

# A sentence ends at a line break, at a full-width stop, or at a stop followed by space (so not inside 0.987, nor inside a reference).
_SENTENCE_END = re.compile(r"\n+|[。！？]+(?=[^\d。！？])|[.!?]+(?=\s)")
_REFERENCE = re.compile(r"\[\[\s*([\w.\-/]{1,200}?)\s*\]\]")
# The number of a list's entry, at the start of a line: 1. or 1)
_LIST_MARKER = re.compile(r"[ \t]{0,8}(?:\*\*|__)?(\d{1,2})[.)](?=[ \t])")


class Narration:
    """The text of one answer. `feed` returns what may be shown; `withheld` counts the sentences of which something was dropped."""

    def __init__(self, known: Known):
        self.known = known
        self.withheld = 0
        self._pending = ""
        self._is_too_long = False  # the present sentence is, so that its rest is dropped too
        self._taken = 0
        self._starts_line = True
        self._entry = 0  # the number of the list's last entry
        self._told: set[str] = set()

    def feed(self, text: str) -> str:
        """Take more of the answer; return what its whole sentences show."""
        seen = max(len(self._pending) - 1, 0)
        self._pending += text
        shown, start = [], 0
        for end in _SENTENCE_END.finditer(self._pending, seen):
            if not self._ends_marker(start, end):
                shown.append(self._shown(self._pending[start : end.end()]))
                start = end.end()
        self._pending = self._pending[start:]
        if len(self._pending) > LONGEST_SENTENCE:
            self._pending, self._is_too_long = "", True
        return "".join(shown)

    def finish(self) -> str:
        """What the rest of the answer shows."""
        rest, self._pending = self._pending, ""
        shown = self._shown(rest) if rest or self._is_too_long else ""
        self._starts_line, self._entry = True, 0
        self._told.clear()
        return shown

    def _ends_marker(self, start: int, end: re.Match[str]) -> bool:
        """Whether the stop belongs to the number of a list's entry, so that the sentence goes on."""
        if not self._starts_line or end.end() - start > 12:
            return False
        marker = _LIST_MARKER.match(self._pending, start)
        return marker is not None and marker.end() == end.end()

    def _shown(self, sentence: str) -> str:
        self._taken += len(sentence)
        is_short = not self._is_too_long and len(sentence) <= LONGEST_SENTENCE and self._taken <= LONGEST_ANSWER
        ending = re.search(r"\n+\Z", sentence)
        marker = self._marker(sentence)
        self._starts_line, self._is_too_long = ending is not None, False
        if not is_short:
            self.withheld += 1
            return "\n" if ending else ""
        body = sentence[len(marker) : ending.start() if ending else None]
        said = self._said(body)
        return (marker + said if said or not body.strip() else "") + (ending.group() if ending else "")

    def _marker(self, sentence: str) -> str:
        """The number of a list's entry at the beginning: entries count up; any other number is a figure."""
        marker = _LIST_MARKER.match(sentence) if self._starts_line else None
        if marker is None or int(marker[1]) not in (1, self._entry + 1):
            return ""
        self._entry = int(marker[1])
        return marker.group()

    def _said(self, sentence: str) -> str:
        """One sentence as it is told, without the line's end: its references, and between them each part of its own words that may stay."""
        ids = {each[1] for each in _REFERENCE.finditer(sentence)}
        parts = _REFERENCE.split(sentence)  # own words and ids in turn
        told = [self._of(part) if at % 2 else self._own(part, alone=not ids) for at, part in enumerate(parts)]
        return "".join(told)

    def _own(self, words: str, *, alone: bool) -> str:
        """An LLM's own words where they claim nothing; else what they say in ours, where they stand without a reference."""
        if shows_nothing(words) or are_own_words(words, self.known.names):
            return words
        instead = restated(words, self.known.sentences) if alone else []
        self.withheld += not instead
        told = [self._of(each) for each in instead if each not in self._told]
        return " " + " ".join(told) if told else "" if alone else " "

    def _of(self, id_: str) -> str:
        """Our sentence of this id; nothing where there is none."""
        text = self.known.sentences.get(id_)
        self.withheld += text is None
        self._told.add(id_)
        return text or ""
