"""A sentence in the parts that each ask for something of their own.

Where one ends and the next begins is learned from sentences that ask for several things (several.txt); it is taken apart there when the parts
show more plainly what they ask for than the whole does.
"""

import math
import re
from dataclasses import dataclass

from assistant.offline.answers import answer
from assistant.offline.cuts import PLAIN, cuts_of
from assistant.offline.features import Features, features
from assistant.offline.learned import Learned
from assistant.offline.phrases import vocabulary
from assistant.offline.reading import Reading
from assistant.offline.talk import passes
from assistant.tools import schema_of, tool_names, traits

WORTH = 0.3  # from which a text is taken apart
MORE = 0.5  # is needed beside that where it was already
BY_WHAT_IS_SHOWN = 0.6  # what the scores of the parts count for, beside that of the place
LEAST = -0.6  # the score of a place that comes into question
CERTAIN = 0.3  # the lead of a part that is put before a person for a yes
MOST_PARTS = 3
FEWEST_LETTERS = 4  # of its own, in what asks for something


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
    def plainness(self) -> float:
        return min(self.ranked[0][1], PLAIN)

    @property
    def margin(self) -> float:
        return self.ranked[0][1] - self.ranked[1][1]


def part_of(reading: Reading, taught: Learned) -> Part:
    said = features(reading)
    return Part(reading, said, taught.ranked(said))


def parts_of(reading: Reading, taught: Learned) -> list[Part]:
    """At most three; a single one where the sentence asks for one thing."""
    parts = [part_of(reading, taught)]
    while len(parts) < MOST_PARTS:
        splits = [(*_best_split(part, taught), at) for at, part in enumerate(parts)]
        worth, both, at = max(splits, key=lambda each: each[0])
        if worth < WORTH + (MORE if len(parts) > 1 else 0.0):
            break
        parts[at : at + 1] = both
    return [part for part in parts if not passes(part.intent)] or parts


def own_letters(reading: Reading, *, without: re.Pattern[str] | None = None) -> int:
    """How many letters belong to no name and no setting, nor to what is left out; a Hangul or Han letter counts twice."""
    text = without.sub(" ", reading.text) if without else reading.text
    letters = [letter for letter in text if letter.isalpha() and letter < "\ue000"]
    return sum(1 if letter.isascii() else 2 for letter in letters)


def _best_split(whole: Part, taught: Learned) -> tuple[float, list[Part]]:
    """The text in two, and how much speaks for that."""
    best: tuple[float, list[Part]] = (-math.inf, [])
    borders = vocabulary(whole.reading.language).borders
    for cut in cuts_of(whole.reading):
        score, sides = taught.parts_at(cut, whole.reading), cut.sides(whole.reading)
        if score < LEAST or min(own_letters(side, without=borders) for side in sides) < FEWEST_LETTERS:
            continue
        both = [part_of(side, taught) for side in sides]
        if (
            not all(map(_stands_alone, both))
            or _is_one_plan(both)
            or _is_one_group(whole, both)
            or _is_about_the_data(both)
        ):
            continue
        worth = score + BY_WHAT_IS_SHOWN * (sum(part.plainness for part in both) - whole.plainness)
        best = max(best, (worth, both), key=lambda each: each[0])
    return best


def _stands_alone(part: Part) -> bool:
    """Whether it asks for something: a plan of something, of several runs that belong together not one alone, such as the "compare r2" of
    "compare r2 and r5", and what is put before a person for a yes only where it is certain. An answer such as "fine" asks for nothing
    but what a plan waits for."""
    reading = part.reading
    if part.intent not in tool_names():
        return True
    if answer(reading.original[reading.start : reading.start + len(reading.words)]) is not None:
        return traits(part.intent).asks_on == "plan"
    if traits(part.intent).plans:
        return any((reading.datasets, reading.models, reading.settings, reading.counted, reading.runs))
    if traits(part.intent).asks_on:
        return part.margin >= CERTAIN
    return "runs" not in schema_of(part.intent) or len(reading.runs) != 1


def _is_one_plan(both: list[Part]) -> bool:
    """Whether both are about one plan: what it shall have may be said in two halves of a sentence."""
    plans = [part.intent in tool_names() and traits(part.intent).plans for part in both]
    return all(plans) and not any(
        all(found) for found in zip(*((part.reading.datasets, part.reading.models) for part in both), strict=True)
    )


def _is_one_group(whole: Part, both: list[Part]) -> bool:
    """Whether the whole asks for several trainings at once, of which the halves would plan some each."""
    if whole.intent not in tool_names() or "models" not in schema_of(whole.intent):
        return False
    return all(
        part.intent == whole.intent or (part.intent in tool_names() and traits(part.intent).plans) for part in both
    )


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
