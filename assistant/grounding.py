"""Every number that is said about a measurement must be one: the check between an LLM's words and the reader.

A number in a text is supported when some fact, rounded to as many decimals as the text shows, equals it; with a percent sign the
fact may be a share. What cannot be checked this way (words such as "good") is not checked.
"""

import re
from collections.abc import Iterable
from typing import Any

# A numeral that stands by itself: not part of a name such as r12, resnet18 or phone_2, and not a list marker.
_NUMBER = re.compile(
    r"(?<![A-Za-z0-9_.])[-+\u2212]?\d+(?:,\d{3})*(?:\.\d+)?(?:[eE][-+]?\d+)?(?![A-Za-z0-9]*_)\s*(%|percent|퍼센트|프로)?"
)
_LIST_MARKER = re.compile(r"^\s*\d+[.)]\s", re.MULTILINE)
_WIDE = str.maketrans("０１２３４５６７８９．，％", "0123456789.,%")


def unsupported(text: str, facts: Iterable[float]) -> list[str]:
    """The numbers in `text` that no fact supports, as they are written."""
    known = list(facts)
    cleaned = _LIST_MARKER.sub(" ", text.translate(_WIDE))
    return [match.group().strip() for match in _NUMBER.finditer(cleaned) if not _is_supported(match, known)]


def numbers_in(value: Any) -> set[float]:
    """Every number in a nest of dictionaries, lists and texts."""
    match value:
        case bool() | None:
            return set()
        case int() | float():
            return {float(value)}
        case str():
            plain = value.translate(_WIDE)
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
