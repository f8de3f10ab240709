"""The figures of a sentence with their precision, in digits and in number words of our languages, to hold two sentences against each other."""

import re
from dataclasses import dataclass
from functools import lru_cache

from assistant.llm.reading import plain
from assistant.offline.numbers import find_numbers
from prompts.languages import LANGUAGES

# 256, 12,345, 0.987, .5, 1e-4; digits that stand inside a name, such as r12 or phone_2, are none
_DIGITS = re.compile(r"(?<![\w.])-?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+|(?<=\d))(?:[eE][-+]?\d{1,3})?")
_PERCENT = re.compile(r"\s?(?:%|percent(?![a-z])|per cent|퍼센트|프로(?![가-힣]{2}))", re.IGNORECASE)
_NAME_GOES_ON = re.compile(r"[a-z]*[_\d]|[a-z]{5}", re.IGNORECASE)


@dataclass(frozen=True)
class Figure:
    """A number as it was written: `decimals` is how many it shows, `is_share` whether it is said in percent (then value is 0..1)."""

    value: float
    decimals: int
    is_share: bool = False

    def is_rounded_from(self, other: "Figure") -> bool:
        """Whether this is the other figure, with as many decimals as this one shows or fewer; a share may be said either way."""
        decimals = min(self.decimals, other.decimals)
        return abs(self.value - other.value) <= 0.5 * 10.0**-decimals + 1e-12


@lru_cache(maxsize=2_000)
def figures_of(text: str) -> tuple[Figure, ...]:
    """Every figure of the text, in its order; those in words stand after those in digits."""
    text = plain(text).lower()
    found = []
    for match in _DIGITS.finditer(text):
        written = match.group()
        if not written.strip("-.") or _NAME_GOES_ON.match(text, match.end()):
            continue
        found.append(_figure(written.replace(",", ""), is_share=_PERCENT.match(text, match.end()) is not None))
    return (*found, *_in_words(_DIGITS.sub(lambda match: " " * len(match.group()), text)))


def _figure(written: str, *, is_share: bool) -> Figure:
    mantissa, _, exponent = written.partition("e")
    decimals = len(mantissa.partition(".")[2]) - int(exponent or 0)
    return Figure(float(written) / 100, decimals + 2, True) if is_share else Figure(float(written), decimals)


def _in_words(text: str) -> list[Figure]:
    """Number words that count something, whatever language they are in."""
    values = {
        (number.start, number.value, number.unit == "percent")
        for language in LANGUAGES
        for number in find_numbers(text, language=language)
        if number.unit != "ordinal"
    }
    return [Figure(value, 4 if is_share else 0, is_share) for _, value, is_share in sorted(values)]
