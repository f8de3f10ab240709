"""Whether a text is made of nothing but words that claim nothing: what an LLM may say of its own between our sentences.

The words stand in prompts/own_words/, and known names go with them. In no combination do they give a figure, count, compare or judge, so
nothing has to be understood to know that nothing false is said; what holds any other word is not let through.
"""

import re
import tomllib
from collections.abc import Iterable, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from assistant.llm.figures import figures_of
from assistant.llm.reading import LETTERS, readings
from prompts.languages import LANGUAGES

FOLDER = Path(__file__).resolve().parents[2] / "prompts" / "own_words"

NAME, PHRASE = "\ue000", "\ue001"  # stand where a known name, or a whole phrase, stood
_PLACED = NAME + PHRASE
# What may stand between words: signs that join no figure and open no tag, link or code.
_BETWEEN = re.compile(
    r"[\s.,:;!?()'\"\u2018\u2019\u201c\u201d\u2026\u2013\u2014\-/|*_#>~\u3001\u3002\uff0c\uff1a\uff1b\uff01\uff1f\u00b7\u300c\u300d\u300a\u300b\uff08\uff09]+"
)
_HAN = "\u3400-\u9fff"
_HANGUL = "\uac00-\ud7a3"


@dataclass(frozen=True)
class Words:
    """The words of all our languages: an answer may mix them, as people do."""

    latin: frozenset[str]
    han: frozenset[str]
    hangul: frozenset[str]  # whole words
    nouns: frozenset[str]
    particles: frozenset[str]
    phrases: re.Pattern[str]


def are_own_words(text: str, names: Set[str] = frozenset()) -> bool:
    """Whether the text, read with its Markdown marks and without them, holds words of its own and these names (lower case) alone."""
    return all(_are_own(reading.lower(), names) for reading in readings(text))


def _are_own(text: str, names: Set[str]) -> bool:
    text = _without_names(text, names)
    text = _words().phrases.sub(PHRASE, text)
    return all(_is_own(word) for word in _BETWEEN.split(text) if word)


def _without_names(text: str, names: Set[str]) -> str:
    """The text with a mark in place of every known name that stands on its own; a Latin name ends at Latin letters and digits only.
    A name that holds a figure by itself, such as 0.97, could be read as one: it is none of these words."""
    there = sorted((name for name in names if name and name in text and not figures_of(name)), key=len, reverse=True)
    for name in there:
        before = r"(?<![a-z0-9_.])" if re.match("[a-z0-9]", name) else ""
        after = r"(?![a-z0-9_]|\.\d)" if re.search("[a-z0-9]$", name) else ""
        text = re.sub(f"{before}{re.escape(name)}{after}", NAME, text)
    return text


def _is_own(word: str) -> bool:
    """One word between blanks and stops; a Chinese one is a whole clause."""
    words = _words()
    if set(word) <= {*_PLACED}:
        return True
    if re.search(f"[{_HANGUL}]", word):
        return word in words.hangul or any(
            (word[:cut] in words.nouns or set(word[:cut]) <= {*_PLACED}) and word[cut:] in words.particles
            for cut in range(1, len(word) + 1)
        )
    if re.search(f"[{_HAN}]", word):
        return _is_made_of(word, words.han)
    return word in words.latin


def _is_made_of(text: str, words: Set[str]) -> bool:
    """Whether the text can be cut into these words, marks of names and phrases among them."""
    longest = max(map(len, words))
    ends = {0}
    for start in range(len(text)):
        if start in ends:
            ends |= {start + 1} if text[start] in _PLACED else set()
            ends |= {start + size for size in range(1, longest + 1) if text[start : start + size] in words}
    return len(text) in ends


@cache
def _words() -> Words:
    read = {each: tomllib.loads((FOLDER / f"{each}.toml").read_text(encoding="utf-8")) for each in LANGUAGES}
    korean = read["ko"]
    return Words(
        latin=frozenset(read["en"]["words"].split()),
        han=frozenset([*read["zh"]["words"].split(), *_listed(read["zh"]["phrases"])]),
        hangul=frozenset(korean["forms"].split()),
        nouns=frozenset(korean["nouns"].split()),
        particles=frozenset(["", *korean["particles"].split()]),
        phrases=_any_of(phrase for each in (read["en"], korean) for phrase in _listed(each["phrases"])),
    )


def _listed(phrases: str) -> list[str]:
    return [phrase.strip() for phrase in re.split(r"[;\n]", phrases) if phrase.strip()]


def _any_of(phrases: Iterable[str]) -> re.Pattern[str]:
    """Any of these on its own, the longest first."""
    return re.compile("|".join(_alone(phrase) for phrase in sorted(phrases, key=len, reverse=True)))


def _alone(phrase: str) -> str:
    written = r"\s+".join(map(re.escape, phrase.split()))
    return rf"(?<![{LETTERS}\d_]){written}(?![a-z\d_])"
