"""Every number that is said about a measurement must be one: the check between an LLM's words and the reader.

A number in a text is supported when some fact, rounded to as many decimals as the text shows, equals it; with a percent sign the
fact may be a share. What cannot be checked this way (words such as "good") is not checked.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Any

# A numeral that stands by itself, or has a point: not part of a name such as r12, resnet18 or phone_2.
_NUMBER = re.compile(
    r"(?:(?<![A-Za-z0-9_.])[-+\u2212]?\d+(?:,\d{3})*(?:\.\d+)?|(?<!\d)[-+\u2212]?\d*\.\d+)(?:[eE][-+]?\d+)?"
    r"(?![A-Za-z0-9]*_[A-Za-z0-9])\s*(%|percent|퍼센트|프로)?"
)
# Figures in words cannot be checked; the instructions ask for digits, so these are never needed.
_SPELLED = re.compile(
    r"\b(?:(?:twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety)(?:[- ](?:one|two|three|four|five|six|seven|eight|nine))?"
    r"|hundred|zero point \w+)\b[- ]*(?:percent|per cent|%|point)?|百分之[零〇一二三四五六七八九十百点两]+|[一二三四五六七八九]十[一二三四五六七八九]"
    r"|[일이삼사오육칠팔구]십[일이삼사오육칠팔구]?\s*(?:퍼센트|프로|점|%)"
)
_LIST_MARKER = re.compile(r"^[ \t]{0,8}[12]?\d[.)][ \t](?!percent)", re.MULTILINE)


def unsupported(text: str, facts: Iterable[float]) -> list[str]:
    """The numbers in `text` that no fact supports, as they are written."""
    known = list(facts)
    cleaned = _LIST_MARKER.sub(" ", unicodedata.normalize("NFKC", text).replace("\u2044", "/"))
    numerals = [match.group().strip() for match in _NUMBER.finditer(cleaned) if not _is_supported(match, known)]
    return numerals + [match.group().strip() for match in _SPELLED.finditer(cleaned.lower())]


def numbers_in(value: Any) -> set[float]:
    """Every number in a nest of dictionaries, lists and texts."""
    match value:
        case bool() | None:
            return set()
        case int() | float():
            return {float(value)}
        case str():
            plain = unicodedata.normalize("NFKC", value)
            return {float(found.replace(",", "")) for found in re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", plain)}
        case dict():
            return set().union(
                *(numbers_in(each) for each in value.values()),
                *(numbers_in(str(key)) for key in value),
                {float(len(value))},
            )
        case list() | tuple():
            return set().union(*(numbers_in(each) for each in value), {float(len(value))})
        case _:
            return set()


def _is_supported(match: re.Match[str], known: list[float]) -> bool:
    written = re.sub(r"[^\d.eE+\-]", "", match.group().replace("\u2212", "-").split("%")[0].replace("percent", ""))
    value = float(written)
    mantissa = re.split("[eE]", written)[0]
    decimals = len(mantissa.split(".")[1]) if "." in mantissa else 0
    half = 0.5 * 10.0**-decimals + 1e-9
    is_share = match.group(1) is not None
    return any(
        _rounds_to(fact, value, half, decimals) or (is_share and abs(100 * fact - value) <= half) for fact in known
    )


def _rounds_to(fact: float, value: float, half: float, decimals: int) -> bool:
    """A whole number counts things, so a small fact must be whole itself: 0.4 is not 0 and 1.5 is not 2, but 43.2 s are 43 s."""
    return abs(fact - value) <= (half if decimals or abs(fact) >= 10 else 1e-9)
