"""Reads a choice off a sentence as the examples of its tool have it: that of the examples that are most like the sentence.

For a choice that people word in a thousand ways (is it good, can it be trusted, why is it so), where no list of phrases would end. A text
is its runs of two to four characters, each weighed by how rare it is among the examples.
"""

import math
import re
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

from assistant.tools import FOLDER

NEAREST = 3  # examples that decide together
RUN = re.compile(r"\br\d+")
APART = re.compile(r"[\s?!.,;:？！。，；：]+")

Weights = Mapping[str, float]


def choice_alike(tool: str, argument: str, text: str) -> str:
    """What the examples of the tool that are most like the text give to the argument."""
    known = _known(tool, argument)
    said = _weighed(_parts(text), known.rarity)
    alike = sorted(((_cosine(said, each), choice) for each, choice in known.examples), reverse=True)[:NEAREST]
    votes: dict[str, float] = {}
    for nearness, choice in alike:
        votes[choice] = votes.get(choice, 0.0) + nearness
    return max(votes, key=votes.__getitem__)


@dataclass(frozen=True)
class _Known:
    rarity: Weights
    examples: list[tuple[Weights, str]]


@cache
def _known(tool: str, argument: str) -> _Known:
    entries = tomllib.loads((FOLDER / tool / "examples.toml").read_text(encoding="utf-8"))["example"]
    said = [
        (_parts(text), each["arguments"][argument])
        for each in entries
        if argument in each["arguments"]
        for texts in each.values()
        if isinstance(texts, list)
        for text in texts
    ]
    there = Counter(part for parts, _ in said for part in parts)
    rarity = {part: math.log((len(said) + 1) / count) for part, count in there.items()}
    return _Known(rarity, [(_weighed(parts, rarity), choice) for parts, choice in said])


def _parts(text: str) -> Counter[str]:
    plain = f" {APART.sub(' ', RUN.sub('#', text.casefold())).strip()} "
    return Counter(plain[at : at + size] for size in (2, 3, 4) for at in range(len(plain) - size + 1))


def _weighed(parts: Counter[str], rarity: Weights) -> Weights:
    """To the length 1."""
    weights = {part: (1 + math.log(count)) * rarity[part] for part, count in parts.items() if part in rarity}
    length = math.sqrt(sum(weight**2 for weight in weights.values())) or 1.0
    return {part: weight / length for part, weight in weights.items()}


def _cosine(one: Weights, other: Weights) -> float:
    return sum(weight * other.get(part, 0.0) for part, weight in one.items())
