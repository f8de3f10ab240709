"""A sentence in the parts that each ask for something of their own.

That it asks for several things is learned from sentences that do (several.txt). It is taken apart where the parts show most plainly what
they ask for, rather at a comma or a word such as "then" than elsewhere.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from assistant.offline.features import Features, features
from assistant.offline.learned import Learned
from assistant.offline.phrases import MARKS, vocabulary
from assistant.offline.reading import Reading
from assistant.offline.talk import passes
from assistant.tools import schema_of, tool_names, traits
from prompts.languages import Language

# Scores from which a text asks for several things; at a border less is needed.
SEVERAL, AT_A_COMMA, AT_A_WORD, AT_A_STOP = 0.4, 0.0, -0.4, -5.0
MORE = 0.3  # is needed of a part beside that
CERTAIN = 0.3  # the lead of what each part asks for, where little says that they are several
LIKELY = -0.4  # a score below this shows nothing
AT_A_BORDER = 0.4  # what a border adds to the scores of the parts beside it
FOR_TALK = 0.5  # what talk is behind a request
COMMAS, STOPS = (",", "、"), (".", "!", "?", ";", "。")
MOST_PARTS = 3
FEWEST_LETTERS = 4  # of its own, in what asks for something
CUT = re.compile(r"(?<=[\s,.;:!?、。])(?=\S)|(?=[\u3400-\u9fff\ue000-\ue010])")


@dataclass(frozen=True)
class Part:
    """A part of a sentence and what it shows: intents with their scores, the likeliest first."""

    reading: Reading
    said: Features
    ranked: list[tuple[str, float]]

    @property
    def intent(self) -> str:
        return self.ranked[0][0]

    @property
    def margin(self) -> float:
        return self.ranked[0][1] - self.ranked[1][1]


def part_of(reading: Reading, taught: Learned) -> Part:
    said = features(reading)
    return Part(reading, said, taught.ranked(said))


def parts_of(reading: Reading, taught: Learned, *, language: Language) -> list[Part]:
    """At most three; a single one where the sentence asks for one thing."""
    parts = [part_of(reading, taught)]
    while len(parts) < MOST_PARTS:
        splits = [
            (at, both)
            for at, each in enumerate(parts)
            if (both := _best_split(each, taught, language=language, needed=MORE if len(parts) > 1 else 0.0))
        ]
        if not splits:
            break
        at, both = splits[0]
        parts[at : at + 1] = both
    return [part for part in parts if not passes(part.intent)] or parts


def own_letters(reading: Reading, *, without: re.Pattern[str] | None = None) -> int:
    """How many letters belong to no name and no setting, nor to what is left out; a Hangul or Han letter counts twice."""
    text = without.sub(" ", reading.text) if without else reading.text
    letters = [letter for letter in text if letter.isalpha() and letter < "\ue000"]
    return sum(1 if letter.isascii() else 2 for letter in letters)


def _best_split(whole: Part, taught: Learned, *, language: Language, needed: float) -> list[Part] | None:
    """The text in two, or None where nothing says that it asks for two things; `needed` is the score that takes, beside the usual."""
    reading, borders = whole.reading, vocabulary(language).borders
    score = taught.asks_for_several(whole.said) - needed
    if score < AT_A_STOP:
        return None
    at_border = {_next_word(reading.words, match.end()): match for match in borders.finditer(reading.words)}
    best, most = None, 0.0
    for cut in _cuts(reading.words):
        border = at_border.get(cut)
        if score < _needed_at(border[0] if border else ""):
            continue
        end = border.start() if border else cut
        sides = reading.between(reading.start, reading.start + end), reading.between(reading.start + cut, _end(reading))
        if min(own_letters(side, without=borders) for side in sides) < FEWEST_LETTERS:
            continue
        both = [part_of(side, taught) for side in sides]
        is_plain = score >= SEVERAL or all(part.margin >= CERTAIN for part in both)
        if not is_plain or not all(map(_stands_alone, both)) or _is_one_plan(both) or _is_about_the_data(both):
            continue
        plainness = sum(map(_plainness, both)) + (AT_A_BORDER if border else 0.0)
        if best is None or plainness > most:
            best, most = both, plainness
    return best


def _next_word(text: str, at: int) -> int:
    return len(text) - len(text[at:].lstrip())


def _needed_at(border: str) -> float:
    if not border:
        return SEVERAL
    if border.strip() in COMMAS:
        return AT_A_COMMA
    return AT_A_STOP if border.strip()[:1] in STOPS else AT_A_WORD


def _cuts(text: str) -> Iterator[int]:
    """Where a text can be taken apart: before a word, and before any Han letter; not within a name."""
    marks = set(MARKS.values())
    for match in CUT.finditer(text):
        at = match.start()
        if 0 < at < len(text) and not (text[at] in marks and text[at - 1] == text[at]):
            yield at


def _end(reading: Reading) -> int:
    return reading.start + len(reading.words)


def _plainness(part: Part) -> float:
    """What asks for a tool stands beside another request rather than talk does, but for what is said in passing."""
    return part.ranked[0][1] - (0.0 if part.intent in tool_names() or passes(part.intent) else FOR_TALK)


def _stands_alone(part: Part) -> bool:
    """Whether it asks for something: a plan of something, and of several runs that belong together not one alone, such as the "compare r2" of
    "compare r2 and r5"."""
    reading = part.reading
    if part.ranked[0][1] <= LIKELY or part.intent not in tool_names():
        return part.ranked[0][1] > LIKELY
    if traits(part.intent).plans:
        return any((reading.datasets, reading.models, reading.settings, reading.counted, reading.runs))
    return "runs" not in schema_of(part.intent) or len(reading.runs) != 1


def _is_about_the_data(both: list[Part]) -> bool:
    """Whether what seems to be asked of a run goes on about the data that the other half names: "is lot 4 large enough, and is it clean?"."""
    data = [bool(part.reading.datasets) for part in both]
    is_of_a_run = [
        part.intent in tool_names() and "run" in schema_of(part.intent) and not traits(part.intent).asks_on
        for part in both
    ]
    return ((data[0] and is_of_a_run[1]) or (data[1] and is_of_a_run[0])) and not any(
        part.reading.runs for part in both
    )


def _is_one_plan(both: list[Part]) -> bool:
    """Whether both are about one plan: what it shall have may be said in two halves of a sentence."""
    plans = [part.intent in tool_names() and traits(part.intent).plans for part in both]
    return all(plans) and not all(part.reading.datasets and part.reading.models for part in both)
