"""Where a text can be taken apart."""

import re
from dataclasses import dataclass

from assistant.offline.phrases import ALL_MARKS, vocabulary
from assistant.offline.reading import Reading

BEFORE_A_WORD = re.compile(rf"(?<=[\s,.;:!?、。])(?=\S)|(?=[\u3400-\u9fff{ALL_MARKS}])")  # and before any Han letter

PLAIN = 1.5  # a score above it shows no more plainly what a part asks for


@dataclass(frozen=True)
class Cut:
    """What stands before `end` is one part, what stands from `start` on the other; the `border` between them, such as a comma or "then", is
    of neither. Positions are those of a reading's words."""

    end: int
    start: int
    border: str

    def sides(self, reading: Reading) -> tuple[Reading, Reading]:
        begin, end = reading.start, reading.start + len(reading.words)
        return reading.between(begin, begin + self.end), reading.between(begin + self.start, end)


def cuts_of(reading: Reading) -> list[Cut]:
    """Every place between two words, and between two Han letters, but within no name and no number."""
    text = reading.words
    borders = {_next_word(text, match.end()): match for match in vocabulary(reading.language).borders.finditer(text)}
    places = {match.start() for match in BEFORE_A_WORD.finditer(text)} | borders.keys()
    return [
        Cut(borders[at].start(), at, borders[at][0].strip()) if at in borders else Cut(at, at, "")
        for at in sorted(places)
        if 0 < at < len(text) and not (text[at] in ALL_MARKS and text[at - 1] == text[at])
    ]


def _next_word(text: str, at: int) -> int:
    return len(text) - len(text[at:].lstrip())
