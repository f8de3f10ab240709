"""The vocabulary of the built-in assistant, read from phrases/{en,ko,zh}.toml and the words of the models, and the tables that find it in a text.

What people call a kind of run, and its models, stands with that kind (assistant/kinds/<kind>/phrases.toml).

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

from engine.contract.jobs import KINDS
from prompts.languages import LANGUAGES, Language
from prompts.model_words import model_words
from prompts.page_texts import page_texts

OF_KINDS = Path(__file__).resolve().parent.parent / "kinds"

# What was recognised is overwritten with its mark, so that positions stay and nothing is read twice.
MARKS = {"dataset": "\ue000", "model": "\ue001", "run": "\ue002", "proposal": "\ue003", "setting": "\ue004"}
MARKS |= {"number": "\ue005", "defect": "\ue006", "task": "\ue007"}
ALL_MARKS = "".join(MARKS.values())  # for a class of characters in a pattern

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
FEWEST_LETTERS: Mapping[Language, int] = {"en": 99, "ko": 4, "zh": 4}  # of a setting's name that is a single word
BEFORE_LATIN = "(?<![a-z])(?<![a-z0-9]_)"  # where a word of Latin letters begins
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
        self._beginnings = self._pattern_of_beginnings()

    def find(self, text: str) -> list[Found]:
        found, end = list[Found](), 0
        for beginning in self._beginnings.finditer(text):
            match = self.match(text, beginning.start()) if beginning.start() >= end else None
            if match:
                found.append(match)
                end = match.end
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

    def _pattern_of_beginnings(self) -> re.Pattern[str]:
        """Where a phrase can begin at all: most places of a text are left out by this alone."""
        inside = {
            first
            for first, phrases in self._phrases.items()
            if self._may_be_glued or not all(re.match("[a-z]", phrase) for phrase in phrases)
        }
        at_edges = self._phrases.keys() - inside
        classes = [
            edge + f"[{re.escape(''.join(sorted(firsts)))}]"
            for edge, firsts in (("", inside), (BEFORE_LATIN, at_edges))
            if firsts
        ]
        return re.compile("|".join(classes) or "(?!)")

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
    before = BEFORE_LATIN if re.match("[a-z]", phrase) else ""
    after = "(?![a-z]|_[a-z])" if re.search("[a-z]$", phrase) else ""
    return before + "".join(pieces) + after if edges else "".join(pieces)


@dataclass(frozen=True)
class Rejected:
    """text[start:end] is not wanted, and text[first:last] says so."""

    start: int
    end: int
    first: int
    last: int


class Rejections:
    """Finds what is not wanted: the {x} of templates such as "instead of {x}", where {y} is a wanted thing of the same kind that follows,
    and what stands beside a negation (`rejecting` in phrases/*.toml): "don't use the gpu", GPU는 쓰지 마, 显卡也不要.

    Looks around what was recognised, and nowhere else, so its time is linear in how much that is.
    """

    def __init__(self, templates: Iterable[str], negations: Iterable[Mapping[str, list[str]]]):
        sides = [template.split("{x}") for template in templates]
        alone = [as_regex(head) for head, tail in sides if not tail.strip()]
        after = []
        for words in negations:  # 能不能 asks, it denies nothing
            side = {name: "|".join(map(as_regex, phrases)) or "(?!)" for name, phrases in words.items()}
            alone.append(rf"(?<!why )(?<![能要用有可])(?:{side['before']})(?:\s*(?:{side['between']})){{0,3}}\s*")
            after.append(rf"\s*(?:{side['particles']})?\s*(?:{side['after']})")
            after.append(
                rf"\s*(?:{side['particles']})?\s*(?:{side['last']})(?:\s*(?:{side['between']}))*\s*(?=$|[,.;!?、])"
            )
        self._before = re.compile(rf"(?:{'|'.join(alone)})\Z")
        self._after = re.compile("|".join(after))
        self._around = [
            (
                re.compile((as_regex(head) if head.strip() else "") + r"\Z"),
                re.compile(as_regex(tail.removesuffix("{y}"))),
                tail.endswith("{y}"),
            )
            for head, tail in sides
            if tail.strip()
        ]

    def find(self, text: str) -> list[Rejected]:
        """What stands so in a masked text."""
        found = (self._around_it(text, *match.span()) for match in REJECTABLE.finditer(text))
        return [each for each in found if each]

    def _around_it(self, text: str, start: int, end: int) -> Rejected | None:
        window = (text, max(0, start - REACH), start)
        said = self._before.search(*window)
        if said and not _corrects(text, said.start(), start):
            return Rejected(start, end, said.start(), end)
        if said := self._after.match(text, end):
            return Rejected(start, end, start, said.end())
        for before, after, wants in self._around:
            match = after.match(text, end)
            if match and (not wants or text[match.end() : match.end() + 1] == text[start]) and before.search(*window):
                return Rejected(start, end, start, match.end())
        return None


def _corrects(text: str, at: int, start: int) -> bool:
    """ "padim, no stfpm" wants stfpm, whereas "batch 8, no augmentation" wants none of it: what stands before the no is of the same kind."""
    before = text[:at].rstrip()
    is_no = before.endswith(",") and re.match(r"no\b", text[at:start]) is not None
    return is_no and text[start] != MARKS["setting"] and before[:-1].rstrip().endswith(text[start])


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """All that the understanding knows of words."""

    cues: PhraseTable  # words that are no names and no slips of the pen
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
    told: tuple[
        tuple[str, tuple[re.Pattern[str], ...]], ...
    ]  # a setting that a number is the value of where all of these stand
    factors: PhraseTable  # by which a setting shall change
    fold: PhraseTable  # makes a factor of the number before it
    numbers: Mapping[str, float]
    traditional: Mapping[int, int]
    connectors: re.Pattern[str]
    counters: re.Pattern[str]
    in_each: re.Pattern[str]
    of_which: re.Pattern[str]
    replaced: "Rejections"
    corrections: re.Pattern[str]
    times: str
    and_a_half: tuple[str, ...]
    joining: re.Pattern[str]  # stands between what is listed side by side
    borders: re.Pattern[str]
    run_numbers: re.Pattern[str]
    words: frozenset[str]
    not_names: frozenset[str]
    ordinary: frozenset[str]
    particles: tuple[str, ...]
    machines: tuple[str, ...]  # count what has numbers
    sizes: tuple[str, ...]
    counted: re.Pattern[str]  # what stands before a thing that is counted or judged
    before_name: re.Pattern[str]
    before_thing: re.Pattern[str]
    after_name: re.Pattern[str]
    after_a_name: tuple[str, ...]


@lru_cache
def vocabulary(language: Language) -> Vocabulary:
    """The words of all languages, for people mix them; where one word has two meanings, that of `language` holds."""
    order = [other for other in LANGUAGES if other != language] + [language]
    parts = [_read(other) for other in order]
    cues = _pairs(parts, "cues") + [(phrase, f"state={state}") for phrase, state in _pairs(parts, "states")]
    return Vocabulary(
        cues=PhraseTable(cues),
        models=PhraseTable(_pairs(parts, "models"), may_be_glued=True),
        tasks=PhraseTable((phrase, "task") for kind in KINDS for phrase in _of_kind(kind, order, "task")),
        models_of={
            kind: PhraseTable(pair for part in _kind_parts(kind, order) for pair in _pairs([part], "models"))
            for kind in KINDS
        },
        backbones=PhraseTable(_pairs(parts, "backbones")),
        families=PhraseTable(_pairs(parts, "families")),
        defects=PhraseTable(_pairs(parts, "defects")),
        terms=PhraseTable(_pairs(parts, "terms")),
        deeds=PhraseTable(_pairs(parts, "deeds")),
        setting_names=PhraseTable([*_names_on_the_page(order), *_pairs(parts, "setting_names")]),
        setting_values=PhraseTable(_pairs(parts, "setting_values")),
        answers=PhraseTable(_pairs(parts, "answers")),
        units=PhraseTable(_pairs(parts, "units")),
        told=tuple(
            (name, tuple(re.compile("|".join(map(as_regex, phrases))) for phrases in classes))
            for part in parts
            for name, classes in part.get("told", {}).items()
        ),
        factors=PhraseTable(_pairs(parts, "factors")),
        fold=PhraseTable((phrase, "fold") for phrase in _listed(parts, "fold")),
        numbers={word: value for part in parts for word, value in part.get("numbers", {}).items()},
        traditional=str.maketrans(*_traditional(parts)),
        connectors=_any_of(_listed(parts, "connectors"), repeat="{0,4}"),
        counters=_any_of(_listed(parts, "counters"), repeat="{0,2}"),
        in_each=_any_of(_listed(parts, "in_each"), repeat="{1,4}"),
        of_which=_any_of(_listed(parts, "of_which"), repeat="{1,5}"),
        replaced=Rejections(_listed(parts, "replaced"), [part["rejecting"] for part in parts]),
        corrections=re.compile("|".join(as_regex(phrase) for phrase in _listed(parts, "corrections"))),
        times="|".join(re.escape(word) for word in _listed(parts, "times")),
        and_a_half=tuple(_listed(parts, "and_a_half")),
        joining=_any_of(_listed(parts, "joining"), repeat="{0,3}"),
        borders=re.compile("|".join([SENTENCE_END, *(as_regex(phrase) for phrase in _listed(parts, "borders"))])),
        run_numbers=re.compile("|".join(_numbered(template) for template in _listed(parts, "run_numbers"))),
        words=_latin_words(parts) | _letters(phrase for kind in KINDS for phrase in _of_kind(kind, order, "task")),
        not_names=frozenset(_listed(parts, "not_names")),
        ordinary=frozenset(_listed(parts, "ordinary")),
        particles=tuple(sorted(_listed(parts, "particles"), key=len, reverse=True)),
        machines=tuple(_listed(parts, "machines")),
        sizes=tuple(_listed(parts, "sizes")),
        counted=_counted(parts),
        before_name=_before_a_name(parts, "before_a_name"),
        before_thing=_before_a_name(parts, "before_a_thing"),
        after_name=re.compile(rf"\s*(?:{_alternatives(parts, 'after_a_name')})"),
        after_a_name=tuple(phrase for phrase in _listed(parts, "after_a_name") if re.match("[가-힣]", phrase)),
    )


@lru_cache
def _read(language: Language) -> dict[str, Any]:
    path = Path(__file__).parent / "phrases" / f"{language}.toml"
    understand: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))["understand"]
    for kind in KINDS:
        for section in ("setting_names", "setting_values"):
            for name, phrases in _kind_part(kind, language).get(section, {}).items():
                understand[section][name] = [*understand[section].get(name, []), *phrases]
    for model, words in model_words(language).items():
        said = words.get("said", {})
        understand["models"] |= {model: said["model"]} if "model" in said else {}
        understand["setting_names"] |= said.get("setting", {})
        understand["setting_values"] |= said.get("value", {})
        understand["told"] |= said.get("told", {})
    return understand


def _kind_parts(kind: str, languages: list[Language]) -> list[dict[str, Any]]:
    return [_kind_part(kind, language) for language in languages]


def _kind_part(kind: str, language: Language) -> dict[str, Any]:
    read = tomllib.loads((OF_KINDS / kind / "phrases.toml").read_text(encoding="utf-8"))
    part: dict[str, Any] = read.get(language, {})
    return part


def _of_kind(kind: str, languages: list[Language], name: str) -> list[str]:
    return _listed(_kind_parts(kind, languages), name)


def _names_on_the_page(languages: list[Language]) -> list[tuple[str, str]]:
    """What the page calls a setting, and how files write it; not a single plain word such as "score"."""
    named = {
        info
        for job in KINDS.values()
        for info in (*job.settings(), *(f for m in job.models().values() for f in m.model_fields))
    }
    written = [(name.replace("_", " "), name) for name in sorted(named) if "_" in name]
    for language in languages:
        for key, text in page_texts(language).items():
            name, said = key.removeprefix("setting."), re.sub(r"\s*\(.*", "", str(text)).lower()
            if key.startswith("setting.") and name in named and (" " in said or len(said) >= FEWEST_LETTERS[language]):
                written.append((said, name))
    return written


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


def _alternatives(parts: list[dict[str, Any]], name: str) -> str:
    return "|".join(as_regex(phrase) for phrase in sorted(_listed(parts, name), key=len, reverse=True))


def _before_a_name(parts: list[dict[str, Any]], name: str) -> re.Pattern[str]:
    articles = _alternatives(parts, "determiners")
    return re.compile(rf"(?:{_alternatives(parts, name)})\s*(?:(?:{articles})\s*)*\Z")


def _counted(parts: list[dict[str, Any]]) -> re.Pattern[str]:
    """The groups number and judged hold what is said of both."""
    words = "|".join(re.escape(word) for part in parts for word in part.get("numbers", {}))
    number = rf"(?P<number>(?:\d+|\b(?:{words})|[一二三四五六七八九十百千]+)[\s-]?(?:{_alternatives(parts, 'measures')})?\s*)?"
    return re.compile(rf"{number}(?P<judged>(?:{_alternatives(parts, 'judged')})\s*)?\Z")


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
