"""The vocabulary of the built-in assistant, read from phrases/{en,ko,zh}.toml, cues.toml of the tools and the words of the
models, and the tables that find it in a text.

What people call a kind of run, its models and the galleries of its images, stands with that kind (assistant/kinds/<kind>/phrases.toml).

A phrase is written as people say it. A blank stands for any number of blanks, hyphens or underscores, none included: people leave
them out. `*` is the rest of a Latin word, `...` at most 30 characters of the same clause, `<` and `>` the edge of a Hangul or Latin
word, `{model}` and the like what was recognised there before. Words that begin or end with a Latin letter match whole words only.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from assistant.tools import cues_of, tool_names
from engine.contract.jobs import KINDS
from prompts.languages import Language
from prompts.model_words import model_words

OF_KINDS = Path(__file__).resolve().parent.parent / "kinds"
LANGUAGES: tuple[Language, ...] = ("en", "ko", "zh")

# What was recognised is overwritten with its mark, so that positions stay and nothing is read twice.
MARKS = {"dataset": "\ue000", "model": "\ue001", "run": "\ue002", "proposal": "\ue003", "setting": "\ue004"}
MARKS |= {"number": "\ue005", "defect": "\ue006", "task": "\ue007"}


# What can be said not to be wanted; two types of defects in a row are one thing.
REJECTABLE = re.compile(
    "|".join(
        [
            *(MARKS[kind] + "+" for kind in ("dataset", "model", "setting", "number")),
            r"{0}+(?:\s?{0}+)?".format(MARKS["defect"]),
        ]
    )
)
SENTENCE_END = r"[!?;\n。]+|\.(?=\s|$)"
REACH = 60  # characters before it in which a template can begin


@dataclass(frozen=True)
class Found:
    """A phrase found at text[start:end], and what it stands for; some phrases stand for several things."""

    start: int
    end: int
    value: str
    also: tuple[str, ...] = ()


class PhraseTable:
    """Finds phrases, leftmost and longest first. Looks up by the first character, so its time is linear in the text."""

    def __init__(self, phrases: Iterable[tuple[str, str]], *, may_be_glued: bool = False):
        """`may_be_glued`: Latin phrases of five letters or more are found inside words, too ("trainpatchcore")."""
        meanings: dict[str, list[str]] = {}
        for phrase, value in phrases:
            meanings.setdefault(phrase, []).insert(0, value)
        by_first: dict[str, list[str]] = {}
        for phrase in sorted(meanings, key=lambda phrase: -len(phrase.replace(" ", ""))):
            by_first.setdefault(_first_character(phrase), []).append(phrase)
        self._phrases = by_first
        self._meanings = {first: [meanings[phrase] for phrase in listed] for first, listed in by_first.items()}
        self._may_be_glued = may_be_glued
        self._patterns: dict[str, re.Pattern[str]] = {}

    def find(self, text: str) -> list[Found]:
        found, position = [], 0
        while position < len(text):
            match = self.match(text, position)
            if match:
                found.append(match)
            position = match.end if match else position + 1
        return found

    def match(self, text: str, position: int) -> Found | None:
        """The longest phrase that begins at this position."""
        first = text[position : position + 1]
        match = self._pattern(first).match(text, position) if first in self._phrases else None
        if match is None or match.end() == position:
            return None
        assert match.lastindex is not None
        value, *also = self._meanings[first][match.lastindex - 1]
        return Found(position, match.end(), value, tuple(also))

    def _pattern(self, first: str) -> re.Pattern[str]:
        """Compiled when a text first needs it: most are never needed, and all of them take half a second."""
        if first not in self._patterns:
            regexes = (
                as_regex(phrase, edges=not self._may_be_glued or len(phrase) < 5) for phrase in self._phrases[first]
            )
            self._patterns[first] = re.compile("|".join(f"({regex})" for regex in regexes))
        return self._patterns[first]


def as_regex(phrase: str, *, edges: bool = True) -> str:
    """The notation above as a regular expression without groups and without nested repetition."""
    pieces = []
    for piece in re.findall(r"\.\.\.|\{\w+\}|.", phrase):
        if piece == "...":
            pieces.append(r"[^,.;:!?\n。]{0,30}?")
        elif piece.startswith("{"):
            pieces.append(MARKS[piece[1:-1]] + "+")
        else:
            pieces.append(
                {" ": r"[\s_-]*", "*": "[a-z]*", "<": r"(?<![a-z가-힣])", ">": r"(?![a-z가-힣])"}.get(
                    piece, re.escape(piece)
                )
            )
    before = "(?<![a-z])(?<![a-z0-9]_)" if re.match("[a-z]", phrase) else ""
    after = "(?![a-z]|_[a-z])" if re.search("[a-z]$", phrase) else ""
    return before + "".join(pieces) + after if edges else "".join(pieces)


class Rejections:
    """Finds what is not wanted: the {x} of templates such as "instead of {x}", where {y} is a wanted thing of the same kind that follows.

    Looks around what was recognised, and nowhere else, so its time is linear in how much that is.
    """

    def __init__(self, templates: Iterable[str]):
        sides = [template.split("{x}") for template in templates]
        alone = "|".join(as_regex(head) for head, tail in sides if not tail.strip())
        self._before = re.compile(rf"(?:{alone})\Z")
        self._around = [
            (
                re.compile((as_regex(head) if head.strip() else "") + r"\Z"),
                re.compile(as_regex(tail.removesuffix("{y}"))),
                tail.endswith("{y}"),
            )
            for head, tail in sides
            if tail.strip()
        ]

    def find(self, text: str) -> list[tuple[int, int]]:
        """Where that stands in a masked text."""
        return [match.span() for match in REJECTABLE.finditer(text) if self._is_rejected(text, *match.span())]

    def _is_rejected(self, text: str, start: int, end: int) -> bool:
        window = (text, max(0, start - REACH), start)
        if self._before.search(*window):
            return True
        for before, after, wants in self._around:
            match = after.match(text, end)
            if match and (not wants or text[match.end() : match.end() + 1] == text[start]) and before.search(*window):
                return True
        return False


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """All that the understanding knows of words."""

    cues: PhraseTable
    models: PhraseTable
    tasks: PhraseTable
    models_of: Mapping[str, PhraseTable]  # by task: what is a model of it where it is said
    backbones: PhraseTable
    families: PhraseTable
    defects: PhraseTable
    terms: PhraseTable  # words of the trade that can be explained
    deeds: PhraseTable  # what nobody here can do
    setting_names: PhraseTable
    setting_values: PhraseTable
    answers: PhraseTable
    units: PhraseTable
    things: Mapping[str, tuple[str, ...]]
    numbers: Mapping[str, float]
    fractions: Mapping[str, int]
    traditional: Mapping[int, int]
    connectors: re.Pattern[str]
    counters: re.Pattern[str]
    replaced: "Rejections"
    times: str
    and_a_half: tuple[str, ...]
    borders: re.Pattern[str]
    run_numbers: re.Pattern[str]
    words: frozenset[str]
    not_names: frozenset[str]
    ordinary: frozenset[str]
    particles: tuple[str, ...]


@lru_cache
def vocabulary(language: Language) -> Vocabulary:
    """The words of all languages, for people mix them; where one word has two meanings, that of `language` holds."""
    order = [other for other in LANGUAGES if other != language] + [language]
    parts = [_read(other) for other in order]
    cues = _pairs(parts, "cues") + [(phrase, f"state={state}") for phrase, state in _pairs(parts, "states")]
    things: dict[str, tuple[str, ...]] = {}
    for phrase, name in _pairs(parts, "things"):
        things[name] = (*things.get(name, ()), phrase)
    return Vocabulary(
        cues=PhraseTable(cues),
        models=PhraseTable(_pairs(parts, "models"), may_be_glued=True),
        tasks=PhraseTable((phrase, kind) for kind in KINDS for phrase in _of_kind(kind, order, "task")),
        models_of={
            kind: PhraseTable(pair for part in _kind_parts(kind, order) for pair in _pairs([part], "models"))
            for kind in KINDS
        },
        backbones=PhraseTable(_pairs(parts, "backbones")),
        families=PhraseTable(_pairs(parts, "families")),
        defects=PhraseTable(_pairs(parts, "defects")),
        terms=PhraseTable(_pairs(parts, "terms")),
        deeds=PhraseTable(_pairs(parts, "deeds")),
        setting_names=PhraseTable(_pairs(parts, "setting_names")),
        setting_values=PhraseTable(_pairs(parts, "setting_values")),
        answers=PhraseTable(_pairs(parts, "answers")),
        units=PhraseTable(_pairs(parts, "units")),
        things=things,
        numbers={word: value for part in parts for word, value in part.get("numbers", {}).items()},
        fractions={words: value for part in parts for words, value in part.get("fractions", {}).items()},
        traditional=str.maketrans(*_traditional(parts)),
        connectors=_any_of(_listed(parts, "connectors"), repeat="{0,4}"),
        counters=_any_of(_listed(parts, "counters"), repeat="{0,2}"),
        replaced=Rejections(_listed(parts, "replaced")),
        times="|".join(re.escape(word) for word in _listed(parts, "times")),
        and_a_half=tuple(_listed(parts, "and_a_half")),
        borders=re.compile("|".join([SENTENCE_END, *(as_regex(phrase) for phrase in _listed(parts, "borders"))])),
        run_numbers=re.compile("|".join(_numbered(template) for template in _listed(parts, "run_numbers"))),
        words=_latin_words(parts) | _letters(phrase for kind in KINDS for phrase in _of_kind(kind, order, "task")),
        not_names=frozenset(_listed(parts, "not_names")),
        ordinary=frozenset(_listed(parts, "ordinary")),
        particles=tuple(sorted(_listed(parts, "particles"), key=len, reverse=True)),
    )


@lru_cache
def _read(language: Language) -> dict[str, Any]:
    path = Path(__file__).parent / "phrases" / f"{language}.toml"
    understand: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))["understand"]
    for name in tool_names():
        understand["cues"] |= cues_of(name).get(language, {})
    for kind in KINDS:
        for gallery, phrases in _kind_part(kind, language).get("galleries", {}).items():
            understand["cues"][gallery] = [*understand["cues"].get(gallery, []), *phrases]
    for model, words in model_words(language).items():
        said = words.get("said", {})
        understand["models"] |= {model: said["model"]} if "model" in said else {}
        understand["setting_names"] |= said.get("setting", {})
        understand["setting_values"] |= said.get("value", {})
    return understand


def _kind_parts(kind: str, languages: list[Language]) -> list[dict[str, Any]]:
    return [_kind_part(kind, language) for language in languages]


def _kind_part(kind: str, language: Language) -> dict[str, Any]:
    read = tomllib.loads((OF_KINDS / kind / "phrases.toml").read_text(encoding="utf-8"))
    part: dict[str, Any] = read.get(language, {})
    return part


def _of_kind(kind: str, languages: list[Language], name: str) -> list[str]:
    return _listed(_kind_parts(kind, languages), name)


def _pairs(parts: list[dict[str, Any]], section: str) -> list[tuple[str, str]]:
    """(phrase, what it stands for) of a section {meaning: [phrases]}."""
    return [(phrase, value) for part in parts for value, phrases in part.get(section, {}).items() for phrase in phrases]


def _listed(parts: list[dict[str, Any]], name: str) -> list[str]:
    return [phrase for part in parts for phrase in part.get(name, [])]


def _traditional(parts: list[dict[str, Any]]) -> tuple[str, str]:
    pairs = [pair for part in parts for pair in part.get("traditional", "").split()]
    return "".join(pair[0] for pair in pairs), "".join(pair[1] for pair in pairs)


def _any_of(phrases: list[str], *, repeat: str) -> re.Pattern[str]:
    """Nothing but these phrases and blanks, from end to end."""
    longest_first = sorted(phrases, key=len, reverse=True)
    return re.compile(rf"\s*(?:(?:{'|'.join(as_regex(phrase) for phrase in longest_first)})\s*){repeat}")


def _numbered(template: str) -> str:
    """Such as "run {n}" as a pattern whose group holds the number."""
    head, tail = (as_regex(side) if side.strip() else "" for side in template.split("{n}"))
    return rf"{head}#?(?<![\d.])(\d{{1,6}})(?![\d.]){tail}"


def _latin_words(parts: Iterable[dict[str, Any]]) -> frozenset[str]:
    """Latin words of four letters or more, to which a mistyped word may be corrected."""
    sections = [
        part.get(section, {}) for part in parts for section in ("cues", "models", "setting_names", "defects", "states")
    ]
    return _letters(phrase for section in sections for listed in section.values() for phrase in listed)


def _letters(phrases: Iterable[str]) -> frozenset[str]:
    return frozenset(word for phrase in phrases for word in re.findall(r"[a-z]{4,}(?![a-z*])", phrase))


def _first_character(phrase: str) -> str:
    phrase = phrase.lstrip("<")
    return MARKS[phrase[1 : phrase.index("}")]] if phrase.startswith("{") else phrase[0]
