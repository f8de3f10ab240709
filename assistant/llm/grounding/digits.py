"""Figures in digits. A number passes when it is written plainly and a fact supports it; what has digits in any other way does not."""

import re

from assistant.llm.grounding.facts import (
    INTERVAL_LEVEL,
    NAME_RUN,
    NUMBER_RUN,
    PERCENT,
    WORD,
    WRITTEN_NUMBER,
    WRITTEN_SIZE,
    Facts,
    bare,
    is_name,
    is_share,
    value_of,
)
from assistant.llm.grounding.reading import NUMERAL
from assistant.llm.grounding.terms import TERMS

_KNOWN = "\u241f"  # stands where a known name stood: no letter, no digit, no sign of a number
_BEFORE_PERCENT = re.compile(r"(?:[0-9]|(?<![A-Za-z0-9])[nNxX])\s*\Z")  # a number, or the n of "n %"
# What puts digits together in ways that are no plain number: spaces, powers, signs other than those of a range, ratio or list; and
# multiples, which are computed and never measured.
_JOINED = re.compile(
    r"\d[ \t]+\d|\d\s*\^|\^\s*[-+(]*\d|\d[^\w\s/.,'\u2019\u00b7\u066b\-\u2010-\u2015~:\u3001\u00d7=>+()%\ufffd\u241f]\d|[\u2030\u2031\ufffd]|\d\s*[\u00d7x*]\s*10(?!\d)|\d\s*(?:times(?![a-z])|배|倍)"
)


def unsupported_digits(text: str, facts: Facts) -> list[str]:
    """The figures of a reading that no fact supports, and the percent signs that follow none."""
    text = INTERVAL_LEVEL.sub(_KNOWN, text)
    text = NAME_RUN.sub(lambda match: _without_names(match.group(), facts), text)
    found = [match.group().strip().replace(NUMERAL, "numeral") for match in _JOINED.finditer(text)]
    for match in NUMBER_RUN.finditer(text):
        run = bare(match.group())
        if any(character.isdigit() for character in run) and not _is_supported(run, match, text, facts):
            found.append(run)
    return found + [match.group() for match in PERCENT.finditer(text) if not _has_number(match, text)]


def _without_names(run: str, facts: Facts) -> str:
    """A run of characters with every known name in it taken out."""

    def known(name: str) -> bool:
        return is_name(name) and (name.lower() in facts.names or name.lower() in TERMS)

    whole = bare(run)
    if known(whole):
        return run.replace(whole, _KNOWN)
    return WORD.sub(lambda word: _KNOWN if known(word.group()) else word.group(), run)


def _has_number(percent: re.Match[str], text: str) -> bool:
    return _BEFORE_PERCENT.search(text, max(percent.start() - 4, 0), percent.start()) is not None


def _is_supported(run: str, match: re.Match[str], text: str, facts: Facts) -> bool:
    if size := WRITTEN_SIZE.fullmatch(run):
        return all(_is_fact(*value_of(each, None), facts) for each in size.groups())
    number = WRITTEN_NUMBER.fullmatch(run)
    if number is None:
        return False
    value, decimals = value_of(*number.groups())
    start, end = match.start() + match.group().find(run), match.start() + match.group().find(run) + len(run)
    is_negative = re.search(r"(?:^|[^\w%)\]])[-\u2010-\u2015]\Z", text[max(start - 2, 0) : start]) is not None
    value = -value if is_negative else value
    return _is_share(value, decimals, facts) if is_share(text, end) else _is_fact(value, decimals, facts)


def _is_fact(value: float, decimals: int, facts: Facts) -> bool:
    half = 0.5 * 10.0**-decimals + 1e-9 * min(1.0, 10.0**-decimals)
    return any(_rounds_to(fact, value, half, decimals) for fact in facts.numbers)


def _is_share(percent: float, decimals: int, facts: Facts) -> bool:
    """A percentage is supported by a share alone: 40 images are not 40 %."""
    half = 0.5 * 10.0**-decimals + 1e-9
    return any(abs(100 * share - percent) <= half for share in facts.shares)


def _rounds_to(fact: float, value: float, half: float, decimals: int) -> bool:
    """A whole number counts things, so a small fact must be whole itself: 0.4 is not 0 and 1.5 is not 2, but 43.2 s are 43 s."""
    return abs(fact - value) <= (half if decimals or abs(fact) >= 10 else 1e-9)
