"""Words for numbers and what they are worth: fifty, two fifty six, 오백십이, 五十, 一百二, 二百五, ten twenty four, point oh five."""

import re
from functools import lru_cache

from assistant.offline.phrases import vocabulary
from prompts.languages import Language

MULTIPLIERS = (100, 1000, 10000)
PARTS = (0.5, 0.25, 0.1, 0.01, 0.001)  # half, quarter, tenth: as many of them as stand before
POINT = -1
DOZENS = (" dozen", "다스", "打")


def value_of_words(words: str, *, language: Language) -> float | None:
    """fifty -> 50, two fifty six -> 256, 오백십이 -> 512, 五十 -> 50, 一百二 -> 120, 五一二 -> 512, 零点零五 -> 0.05."""
    for last in DOZENS:
        if words.endswith(last) and words != last:
            before = value_of_words(words.removesuffix(last).rstrip(" -"), language=language)
            return None if before is None else before * 12
    for last, more in (("and a half", 0.5), ("and a quarter", 0.25)):
        if words.endswith(f" {last}"):
            before = value_of_words(words.removesuffix(last).rstrip(" -"), language=language)
            return None if before is None else before + more
    numbers = vocabulary(language).numbers
    pieces = [numbers[piece] for piece in re.findall(one_number_word(language), re.sub(r"\band\b", " ", words))] or [
        1.0
    ]
    if POINT in pieces:
        point = pieces.index(POINT)
        whole, decimals = _add_up(pieces[:point]), pieces[point + 1 :]
        if not decimals or any(not 0 <= d < 10 for d in decimals):
            return None
        return whole + float("0." + "".join(f"{d:.0f}" for d in decimals))
    if len(pieces) > 1 and all(0 <= piece < 10 and piece == int(piece) for piece in pieces):
        return float("".join(f"{piece:.0f}" for piece in pieces[:9]))
    if re.match("[a-z]", words) and len(pieces) > 1 and pieces[0] in range(1, 100) and pieces[1] in range(10, 100):
        return pieces[0] * 100 + _add_up(pieces[1:])  # five twelve, ten twenty four
    is_short = re.search("[百千万][一二两三四五六七八九]$", words) is not None  # 一百二, 三千五
    return _add_up([*pieces[:-1], pieces[-1] * pieces[-2] / 10] if is_short else pieces)


def _add_up(pieces: list[float]) -> float:
    """two hundred fifty six: a multiplier takes what stands before it, the rest is added. three quarters: three times."""
    total = current = 0.0
    for piece in pieces:
        if piece == 10 and 0 < current < 10:
            total, current = total + current * piece, 0.0
        elif piece in MULTIPLIERS and 0 < current + total % piece < piece:
            rest = total % piece  # the twenty of twenty-five thousand
            total, current = total - rest + (rest + current) * piece, 0.0
        elif piece in MULTIPLIERS:
            total += piece
        elif current and (piece in PARTS or current in PARTS):
            current *= piece  # three quarters, half a (dozen)
        else:
            current += piece
    return total + current


@lru_cache
def one_number_word(language: Language) -> str:
    """A pattern of any number word, but "a" and "an"."""
    words = (word for word in vocabulary(language).numbers if word not in ("a", "an"))
    return "|".join(sorted(map(re.escape, words), key=len, reverse=True))
