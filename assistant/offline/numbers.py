"""Numbers as people write them: 256, 1e-3, 1/10, fifty, 오십, 열, 五十, 百分之五, 512x512, each with its unit if it has one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from assistant.offline.phrases import Found, vocabulary
from prompts.languages import Language

DIGITS = r"\d+/\d+|\d{1,3}(?:,\d{3})+(?![\d,])|(?:\d+(?:\.\d+)?|\.\d+)(?:e[-+]?\d+)?"
NEED_A_UNIT = ("a", "an", "half", "半")
MEAN_OTHER_THINGS = ("이", "네", "한", "일", "세")  # before a name: this, yes, about, work, tax


@dataclass(frozen=True)
class Number:
    """text[start:end] is a value with its unit; `in_words` marks those that only count beside something they can belong to."""

    start: int
    end: int
    value: float
    unit: str = ""
    in_words: bool = False


def find_numbers(text: str, *, language: Language, names: Sequence[Found] = ()) -> list[Number]:
    """All numbers in lower-case text. `names`: of settings, so that "epochs50" and "백 에폭" hold a number."""
    found = _in_digits(text, language=language, after=frozenset(name.end for name in names))
    taken = {position for number in found for position in range(number.start, number.end)}
    words = [number for number in _in_words(text, language=language, names=names) if number.start not in taken]
    return _durations(text, sorted([*found, *words], key=lambda number: number.start), language=language)


def _in_digits(text: str, *, language: Language, after: frozenset[int]) -> list[Number]:
    found, position = [], 0
    pattern = re.compile(
        rf"({_fraction(language)})?((?:(?<=[\s=:])-)?(?:{DIGITS}))(?:\s*(?:{vocabulary(language).times})\s*(\d+)(?!\d))?"
    )
    while match := pattern.search(text, position):
        position = match.end()
        before = text[match.start() - 1] if match.start() else " "
        if (before.isascii() and (before.isalnum() or before == "_")) and match.start() not in after:
            continue
        if match[3] and match[3] != match[2]:
            continue
        unit, end = _unit(text, match.end(), language=language)
        below = _below(match[1], language=language)
        unit = "percent" if below else "pixels" if match[3] and unit in ("", "images") and int(match[3]) >= 32 else unit
        value = _value(match[2])
        if value is not None:
            found.append(Number(match.start(), end, value / (below or (100 if unit == "percent" else 1)), unit))
            position = end
    return found


def _value(digits: str) -> float | None:
    if "/" in digits:
        above, below = digits.split("/")
        return int(above) / int(below) if 0 < int(below) < 10**9 and int(above) < 10**9 else None
    digits = digits.replace(",", "")
    if len(digits) > 20:
        return None
    value = float(digits)
    return value if abs(value) < 1e15 else None


def _in_words(text: str, *, language: Language, names: Sequence[Found]) -> list[Number]:
    found: list[Number] = []
    for match in _word_pattern(language).finditer(text):
        if found and match.start() < found[-1].end:  # the half of 一个半小时
            continue
        below, words = _below(match[1], language=language), match[2]
        value = value_of_words(words, language=language)
        unit, end = _unit(text, match.end(), language=language)
        is_alone = len(words) > 1 and _ends_a_word(text, match.end())
        is_counting = unit or below or is_alone or _is_beside_a_name(text, match, names=names, language=language)
        if value is None or (words[0] in _hangul_words(language) and not is_counting):
            continue
        if _starts_a_word(text, match.end(), language=language) or (
            words in NEED_A_UNIT and unit not in ("minutes", "hours")
        ):
            continue
        unit = "percent" if below else unit
        share = value / (below or (100 if unit == "percent" else 1))
        found.append(Number(match.start(), end, share, unit, in_words=True))
    return found


def value_of_words(words: str, *, language: Language) -> float | None:
    """fifty -> 50, 오백십이 -> 512, 五十 -> 50, 五一二 -> 512, 零点零五 -> 0.05."""
    numbers = vocabulary(language).numbers
    pieces = [numbers[piece] for piece in re.findall(_one_word(language), words)]
    if -1 in pieces:  # the decimal point
        point = pieces.index(-1)
        whole, decimals = _add_up(pieces[:point]), pieces[point + 1 :]
        return (
            None
            if not decimals or any(not 0 <= d < 10 for d in decimals)
            else whole + float("0." + "".join(f"{d:.0f}" for d in decimals))
        )
    if len(pieces) > 1 and all(0 <= piece < 10 and piece == int(piece) for piece in pieces):
        return float("".join(f"{piece:.0f}" for piece in pieces[:9]))
    return _add_up(pieces)


def _add_up(pieces: list[float]) -> float:
    """two hundred fifty six: a multiplier takes what stands before it, the rest is added."""
    total = current = 0.0
    for piece in pieces:
        if piece in (10, 100, 1000, 10000) and 0 < current < piece:
            total, current = total + current * piece, 0.0
        elif piece in (10, 100, 1000, 10000):
            total += piece
        else:
            current = current * piece if current == 0.5 else current + piece  # half a dozen
    return total + current


def _unit(text: str, position: int, *, language: Language) -> tuple[str, int]:
    """The unit that follows directly, and where it ends."""
    blank = re.compile(r"[\s-]?(?:个半?)?\s?").match(text, position)
    for start in (position, blank.end() if blank else position):
        found = vocabulary(language).units.match(text, start)
        if found:
            return (found.value, found.end) if found.value != "none" else ("", position)
    return "", position


def _starts_a_word(text: str, position: int, *, language: Language) -> bool:
    """Whether the number word goes on as another word: 一些, 一定."""
    found = vocabulary(language).units.match(text, position)
    return found is not None and found.value == "none"


def _durations(text: str, numbers: list[Number], *, language: Language) -> list[Number]:
    """Hours with their minutes or their half as one number: 1시간 30분, 2 hours and a half, 一个半小时."""
    halves = "|".join(map(re.escape, vocabulary(language).and_a_half))
    joined: list[Number] = []
    for number in numbers:
        last = joined[-1] if joined else None
        if (
            last
            and last.unit == "hours"
            and number.unit == "minutes"
            and re.fullmatch(r"(?:\s|and|,)*", text[last.end : number.start])
        ):
            joined[-1] = Number(last.start, number.end, last.value * 60 + number.value, "minutes", last.in_words)
            continue
        if number.unit == "hours":
            after = re.compile(rf"\s*(?:{halves})(?!드|대|복|영|응|환|장)").match(text, number.end)
            inside = re.search(r"个半", text[number.start : number.end])
            if after or inside:
                number = replace(number, value=number.value + 0.5, end=after.end() if after else number.end)
        joined.append(number)
    return joined


def _is_beside_a_name(text: str, match: re.Match[str], *, names: Sequence[Found], language: Language) -> bool:
    """백 에폭, 에폭을 백으로, but not 이 에폭 (this one)."""
    if match[2] in MEAN_OTHER_THINGS:
        return False
    if any(name.start - match.end() in (0, 1) for name in names):
        return True
    near = [text[name.end : match.start()] for name in names if 0 <= match.start() - name.end <= 4]
    connectors = vocabulary(language).connectors
    return any(connectors.fullmatch(gap) for gap in near) and _ends_a_word(text, match.end())


def _ends_a_word(text: str, position: int) -> bool:
    """A Hangul number word is a word of its own: "오십으로", not the first syllable of another word."""
    return re.compile(r"(?=\s|$|[,.!?)]|으로|로|을|를|개|번|회|정도)").match(text, position) is not None


def _below(words: str | None, *, language: Language) -> int | None:
    """百分之 -> 100: what the number that follows is divided by."""
    return vocabulary(language).fractions[words.replace(" ", "")] if words else None


@lru_cache
def _fraction(language: Language) -> str:
    fractions = sorted(vocabulary(language).fractions, key=len, reverse=True)
    return "(?:" + "|".join(map(re.escape, fractions)) + r")(?:\s?)"


@lru_cache
def _word_pattern(language: Language) -> re.Pattern[str]:
    word = _one_word(language)
    return re.compile(
        rf"({_fraction(language)})?(?<![a-z가-힣])((?:{word})(?:[\s-]?(?:and )?(?:{word})){{0,8}})(?![a-z])"
    )


@lru_cache
def _one_word(language: Language) -> str:
    return "|".join(sorted(map(re.escape, vocabulary(language).numbers), key=len, reverse=True))


@lru_cache
def _hangul_words(language: Language) -> frozenset[str]:
    return frozenset(word[0] for word in vocabulary(language).numbers if "가" <= word[0] <= "힣")
