"""Which of our sentences an LLM's sentence says in other words, so that ours can be told in its place.

What is told is ours in any case and true. So this need not understand what the LLM claims: it looks for the sentences that hold the
same figures of the same things, and where some figure, run or measure fits none of them, nothing is told.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache

from assistant.llm.figures import Figure, figures_of
from assistant.llm.reading import plain
from prompts.languages import LANGUAGES
from prompts.page_texts import page_texts

ALIKE = 0.34  # of two sentences without figures, the least likeness of their letters to be about the same
EXPLAINS = 0.55  # the same where ours only tells what a word means: it takes more to be asked for
TERM = "term."  # how their ids begin
RUN = re.compile(r"(?<![a-z0-9_])r\d{1,9}(?![a-z0-9_])")
_GRAM, LEAST_GRAMS = 3, 8


def restated(sentence: str, known: Mapping[str, str]) -> list[str]:
    """The ids of the known sentences (text by id) that together say what this one says; none where one of its figures, runs or measures
    is not theirs."""
    said = plain(sentence).lower()
    runs, measures = set(RUN.findall(said)), _measures(said)
    about = {
        id_: text
        for id_, text in known.items()
        if _names_no_other_run(id_, text, runs) and (not measures or measures & _measures_of(text))
    }
    figures = figures_of(sentence)
    measured = {id_: text for id_, text in about.items() if not id_.startswith(TERM)}
    chosen = _with_figures(figures, said, measured) if figures else _most_alike(said, about)
    told = " ".join(f"{id_} {known[id_]}".lower() for id_ in chosen)
    all_runs, all_measures = set(RUN.findall(told)), _measures(told)
    return chosen if runs <= all_runs and measures <= all_measures else []


def _names_no_other_run(id_: str, text: str, runs: set[str]) -> bool:
    theirs = set(RUN.findall(f"{id_} {text}".lower()))
    return not runs or not theirs or bool(runs & theirs)


def _with_figures(figures: Sequence[Figure], said: str, about: Mapping[str, str]) -> list[str]:
    """The fewest sentences that hold every figure, the likest first."""
    chosen: list[str] = []
    left = list(figures)
    while left:
        holding = {id_: [each for each in left if _holds(text, each)] for id_, text in about.items()}
        best = max(holding, key=lambda id_: (len(holding[id_]), likeness(said, about[id_])), default=None)
        if best is None or not holding[best]:
            return []
        chosen.append(best)
        left = [each for each in left if each not in holding[best]]
    return chosen


def _holds(text: str, figure: Figure) -> bool:
    return any(figure.is_rounded_from(each) for each in figures_of(text))


def _most_alike(said: str, about: Mapping[str, str]) -> list[str]:
    if len(_grams(said)) < LEAST_GRAMS:  # too short to be about anything
        return []
    enough = {id_: EXPLAINS if id_.startswith(TERM) else ALIKE for id_ in about}
    near = {id_: alike for id_ in about if (alike := likeness(said, about[id_])) >= enough[id_]}
    return [max(near, key=lambda id_: near[id_])] if near else []


def likeness(one: str, other: str) -> float:
    """The cosine of the letters of two texts, three at a time: 0 (nothing in common) to 1."""
    first, second = _grams(one), _grams(other)
    norm = math.sqrt(sum(n * n for n in first.values()) * sum(n * n for n in second.values()))
    return sum(count * second[gram] for gram, count in first.items()) / norm if norm else 0.0


@lru_cache(maxsize=2_000)
def _grams(text: str) -> Counter[str]:
    text = re.sub(r"[\W\d_]+", " ", plain(text).lower())
    return Counter(text[at : at + _GRAM] for at in range(len(text) - _GRAM + 1))


@lru_cache(maxsize=2_000)
def _measures_of(text: str) -> frozenset[str]:
    return frozenset(_measures(plain(text).lower()))


def _measures(text: str) -> set[str]:
    """The abbreviations of measures that a text names: they are written alike in every language."""
    return {match.group() for match in _abbreviations().finditer(text)}


@cache
def _abbreviations() -> re.Pattern[str]:
    """Such as AUROC, AUPRO and F1, as the page names its metrics."""
    names = {
        name.lower()
        for language in LANGUAGES
        for key, text in page_texts(language).items()
        if key.startswith("metric.") and not key.endswith(".meaning")
        for name in re.findall(r"[A-Za-z]*[A-Z]{2,}[A-Za-z0-9]*|F1", str(text))
    }
    return re.compile("|".join(sorted(map(re.escape, names), key=len, reverse=True)))
