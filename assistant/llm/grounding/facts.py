"""What is known: numbers, and names that hold digits. The digits of a name are part of the name and support no figure."""

import re
from dataclasses import dataclass, field
from typing import Any

from assistant.llm.grounding.reading import FOREIGN, plain

# Numbers as people write them: 256, 12,345, 0.987, .5, 1e-4; with a unit glued on: 256px, 3rd.
NUMBER = r"(?:\d+|[1-9]\d{0,2}(?:,\d{3})+)(?:\.\d+)?|\.\d+"
UNIT = r"px|s|ms|h|min|GB|GiB|MB|MiB|kB|mm|cm|um|nm|st|nd|rd|th"
WRITTEN_NUMBER = re.compile(rf"({NUMBER})([eE][-+]?\d{{1,3}})?(?:{UNIT})?")
WRITTEN_SIZE = re.compile(rf"({NUMBER})x({NUMBER})(?:px)?")
# What may belong to one number, or to a name: the longest run of such characters.
NUMBER_RUN = re.compile(r"(?:[A-Za-z0-9_.,'\u2019\u00b7\u066b]|(?<=\d[eE])[-+](?=\d))+")
NAME_RUN = re.compile(r"[A-Za-z0-9_./@:+\-]+")
WORD = re.compile(r"[A-Za-z0-9_]+")
# The level of an interval is part of its name, in our wording and in an LLM's; it supports no other figure.
INTERVAL_LEVEL = re.compile(r"95 ?% (?:confidence )?(?:interval|CI)|95 ?% ?(?:신뢰 ?)?구간|95 ?% ?(?:置信)?区间")
PERCENT = re.compile(
    r"%|(?<![a-z])(?:per ?cent|pct|percentage points?)(?![a-z])|퍼센트|(?<![가-힣])(?:프로|퍼)(?![가-힣]{2})|百分点",
    re.IGNORECASE,
)
_EDGES = "./:+-@,'\u2019\u00b7\u066b"


@dataclass
class Facts:
    """Numbers that were measured, counted or given, names (run ids, data sets, backbones) as they are compared, in lower case, and those
    of the numbers that may be said in percent: a count of 1 is not 100 %."""

    numbers: set[float] = field(default_factory=set)
    names: set[str] = field(default_factory=set)
    shares: set[float] = field(default_factory=set)

    def __or__(self, other: "Facts") -> "Facts":
        return Facts(self.numbers | other.numbers, self.names | other.names, self.shares | other.shares)


def facts_in(value: Any) -> Facts:
    """Every number and name in a nest of dictionaries, lists and texts; how many entries a list or a table has counts too."""
    match value:
        case bool() | None:
            return Facts()
        case int():
            return Facts({float(value)})
        case float():
            return Facts({value}, shares={value} if abs(value) <= 1 else set())
        case str():
            return _facts_in_text(value)
        case dict():
            found = _joined([*value.values(), *map(str, value)])
            found.numbers |= {
                float(digits) for key in value for digits in re.findall(r"(?<![^\W_])\d+(?![^\W_])", str(key))
            }
            if all(isinstance(each, int | dict) for each in value.values()):
                found.numbers.add(float(len(value)))
            return found
        case list() | tuple() | set() | frozenset():
            found = _joined(value)
            found.numbers.add(float(len(value)))
            return found
        case _:
            return Facts()


def is_name(run: str) -> bool:
    """Whether a run of characters has letters beside its digits and is no number with a unit."""
    has_both = any(letter.isalpha() or letter == "_" for letter in run) and any(letter.isdigit() for letter in run)
    return has_both and WRITTEN_NUMBER.fullmatch(run) is None and WRITTEN_SIZE.fullmatch(run) is None


def bare(run: str) -> str:
    """A run without the punctuation around it; the point of .5 belongs to it."""
    stripped = run.strip(_EDGES)
    start = run.find(stripped)
    return run[start - 1] + stripped if stripped[:1].isdigit() and run[start - 1 : start] == "." else stripped


def is_share(text: str, end: int) -> bool:
    """Whether a percent sign follows a number that ends there."""
    return PERCENT.match(text, end + (text[end : end + 1] == " ")) is not None


def value_of(mantissa: str, exponent: str | None) -> tuple[float, int]:
    """A written number and how many decimals it shows: 7.9e-1 shows two."""
    written = mantissa.replace(",", "")
    decimals = len(written.partition(".")[2]) - int((exponent or "e0")[1:])
    return float(written + (exponent or "")), max(decimals, 0)


def _joined(values: Any) -> Facts:
    found = Facts()
    for each in values:
        more = facts_in(each)
        found.numbers |= more.numbers
        found.names |= more.names
        found.shares |= more.shares
    return found


def _facts_in_text(text: str) -> Facts:
    found, text = Facts(), INTERVAL_LEVEL.sub(" ", plain(text))

    def take(match: re.Match[str]) -> str:
        run = bare(match.group())
        if not is_name(run):
            return match.group()
        found.names.update([run.lower(), *(word.lower() for word in WORD.findall(run) if is_name(word))])
        return " "

    rest = NAME_RUN.sub(take, text)
    for match in NUMBER_RUN.finditer(rest):
        numbers = _numbers_of(bare(match.group()))
        found.numbers |= numbers
        if is_share(rest, match.end()):
            found.numbers |= {number / 100 for number in numbers}
            found.shares |= {number / 100 for number in numbers}
        else:
            found.shares |= {number for number in numbers if number <= 1 and "." in match.group()}
    found.names |= {word.lower() for word in re.findall(r"\w+", text) if FOREIGN.search(word)}
    return found


def _numbers_of(run: str) -> set[float]:
    if size := WRITTEN_SIZE.fullmatch(run):
        return {value_of(each, None)[0] for each in size.groups()}
    number = WRITTEN_NUMBER.fullmatch(run)
    return {value_of(*number.groups())[0]} if number else set()
