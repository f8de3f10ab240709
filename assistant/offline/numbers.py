"""Numbers as people write them: 256, 1e-3, 1/10, 1k, 0,5 %, fifty, two fifty six, 오십, 열, 五十, 一百二, 百分之五, three quarters of an hour,
3 in 100, 50-100, 512x512, each with its unit if it has one."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from assistant.offline.phrases import Found, vocabulary
from prompts.languages import Language

DIGITS = r"\d+/\d+|\d{1,3}(?:,\d{3})+(?![\d,])|0,\d+(?![\d,])|\d+,\d+(?=\s?%)|(?:\d+(?:\.\d+)?|\.\d+)(?:e[-+]?\d+|k(?![a-z]))?"
NEED_A_UNIT = ("a", "an", "half", "quarter", "quarters", "半")
UNIT_GAP = re.compile(r"[\s-]?(?:个半?|of an? |an? |of a )?\s?")
OF_ITS_OWN = ("percent", "minutes", "hours")  # units that a part such as "half a" can be of
ARTICLES = "an?"  # one, before another number word or a unit
MULTIPLIERS = (100, 1000, 10000)
PARTS = (0.5, 0.25, 0.1, 0.01, 0.001)  # half, quarter, tenth: as many of them as stand before
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
    numbers = _durations(text, sorted([*found, *words], key=lambda number: number.start), language=language)
    return _joined(text, numbers, language=language)


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
        if below and unit not in ("minutes", "hours"):
            unit = "percent"
        unit = "pixels" if match[3] and unit in ("", "images") and int(match[3]) >= 32 else unit
        value = _value(match[2])
        if value is not None:
            found.append(Number(match.start(), end, value / (below or (100 if unit == "percent" else 1)), unit))
            position = end
    return found


def _value(digits: str) -> float | None:
    if "/" in digits:
        above, below = digits.split("/")
        return int(above) / int(below) if 0 < int(below) < 10**9 and int(above) < 10**9 else None
    is_grouped = re.fullmatch(r"-?[1-9]\d{0,2}(?:,\d{3})+", digits)
    digits = digits.replace(",", "" if is_grouped else ".")
    if len(digits) > 20:
        return None
    value = float(digits.removesuffix("k")) * (1000 if digits.endswith("k") else 1)
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
        if (
            len(words) == 1
            and unit
            and "가" <= words <= "힣"
            and text[end - 1 : end] == "분"
            and not _ends_a_word(text, end)
        ):
            unit, end = "", match.end()  # 구분 tells apart; it is no nine minutes
        is_counting = unit or below or is_alone or _is_beside_a_name(text, match, names=names, language=language)
        if value is None or (words[0] in _hangul_words(language) and not is_counting):
            continue
        needs_a_unit = all(word in NEED_A_UNIT for word in words.split())
        if _starts_a_word(text, match.end(), language=language) or (needs_a_unit and unit not in OF_ITS_OWN):
            continue
        unit = "percent" if below and unit not in ("minutes", "hours") else unit
        share = value / (below or (100 if unit == "percent" else 1))
        found.append(Number(match.start(), end, share, unit, in_words=True))
    return found


def value_of_words(words: str, *, language: Language) -> float | None:
    """fifty -> 50, two fifty six -> 256, 오백십이 -> 512, 五十 -> 50, 一百二 -> 120, 五一二 -> 512, 零点零五 -> 0.05."""
    for last, times, more in (("dozen", 12, 0), ("and a half", 1, 0.5), ("and a quarter", 1, 0.25)):
        if words.endswith(f" {last}"):
            before = value_of_words(words.removesuffix(last).rstrip(" -"), language=language)
            return None if before is None else before * times + more
    numbers = vocabulary(language).numbers
    pieces = [numbers[piece] for piece in re.findall(one_number_word(language), re.sub(r"\band\b", " ", words))] or [
        1.0
    ]
    if -1 in pieces:  # the decimal point
        point = pieces.index(-1)
        whole, decimals = _add_up(pieces[:point]), pieces[point + 1 :]
        if not decimals or any(not 0 <= d < 10 for d in decimals):
            return None
        return whole + float("0." + "".join(f"{d:.0f}" for d in decimals))
    if len(pieces) > 1 and all(0 <= piece < 10 and piece == int(piece) for piece in pieces):
        return float("".join(f"{piece:.0f}" for piece in pieces[:9]))
    if re.match("[a-z]", words) and len(pieces) > 1 and pieces[0] in range(1, 10) and pieces[1] in range(10, 100):
        return pieces[0] * 100 + _add_up(pieces[1:])  # five twelve
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


def _unit(text: str, position: int, *, language: Language) -> tuple[str, int]:
    """The unit that follows directly, and where it ends."""
    blank = UNIT_GAP.match(text, position)
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


def _joined(text: str, numbers: list[Number], *, language: Language) -> list[Number]:
    """Two numbers that say one: a share as in "3 in 100", 100장 중 3장, 一百片里三片; a range, whose upper end is what is allowed."""
    words = vocabulary(language)
    joined: list[Number] = []
    for number in numbers:
        last = joined[-1] if joined else None
        gap = text[last.end : number.start] if last else ""
        if (
            last is None
            or len(gap) > 20
            or not {last.unit, number.unit} <= {"", "images", "percent", "pixels", "minutes"}
        ):
            joined.append(number)
        elif _is_share(last, number) and words.in_each.fullmatch(gap):
            joined[-1] = Number(last.start, number.end, last.value / number.value, "percent", last.in_words)
        elif _is_share(number, last) and words.of_which.fullmatch(gap):
            joined[-1] = Number(last.start, number.end, number.value / last.value, "percent", last.in_words)
        elif re.fullmatch(r"\s?[-~]\s?", gap) and last.unit == "" and _below_it(last, number):
            joined[-1] = replace(number, start=last.start)
        else:
            joined.append(number)
    return joined


def _is_share(part: Number, whole: Number) -> bool:
    return part.value <= whole.value and whole.value >= 10 and {part.unit, whole.unit} <= {"", "images"}


def _below_it(low: Number, high: Number) -> bool:
    return low.value < high.value * (100 if high.unit == "percent" else 1)


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
    return (
        re.compile(r"(?=\s|$|[,.!?)]|으로|로|을|를|에|은|는|이고|안|간|만|짜리|개|번|회|정도|이내|이하|까지)").match(
            text, position
        )
        is not None
    )


def _below(words: str | None, *, language: Language) -> float | None:
    """百分之, 천분의, 4분의 -> what the number that follows is divided by; None if there is no such thing."""
    if not words:
        return None
    digits = re.sub(r"(?:分之|분의)\s?$", "", words)
    below = float(digits) if digits.isdigit() else value_of_words(digits, language=language)
    return below or None


@lru_cache
def _fraction(language: Language) -> str:
    """A hundredth of: what follows is divided."""
    return rf"(?:\d{{1,6}}|(?:{one_number_word(language)}){{1,6}})(?:分之|분의)\s?"


@lru_cache
def _word_pattern(language: Language) -> re.Pattern[str]:
    word = one_number_word(language)
    more = rf"(?:(?<=hundred)|(?<=thousand)) and (?:{ARTICLES} )?(?:{word})| and (?:{ARTICLES} )?(?:half|quarter)\b|[\s-]?(?:{word})"
    row = rf"(?:{word})(?:{more}){{0,8}}"
    return re.compile(
        rf"(?:(?<![a-z가-힣])|(?=[\u4e00-\u9fff]))({_fraction(language)})?((?:half|quarter)(?: of)? {ARTICLES}(?: dozen)?|(?:{ARTICLES} )?{row}|{ARTICLES})(?![a-z])"
    )


@lru_cache
def one_number_word(language: Language) -> str:
    """A pattern of any number word, but "a" and "an"."""
    return "|".join(
        sorted(
            (re.escape(word) for word in vocabulary(language).numbers if word not in ("a", "an")), key=len, reverse=True
        )
    )


@lru_cache
def _hangul_words(language: Language) -> frozenset[str]:
    return frozenset(word[0] for word in vocabulary(language).numbers if "가" <= word[0] <= "힣")
