"""Numbers as people write them: 256, 1e-3, 1/10, 1k, 0,5 %, fifty, two fifty six, 오십, 열, 五十, 一百二, 百分之五, three quarters of an hour,
3 in 100, 50-100, 512x512, each with its unit if it has one."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from assistant.offline.number_words import one_number_word, value_of_words
from assistant.offline.parts import Part, find_parts
from assistant.offline.phrases import Found, vocabulary
from prompts.languages import Language

DIGITS = r"\d+/\d+|\d{1,3}(?:,\d{3})+(?![\d,])|0,\d+(?![\d,])|\d+,\d+(?=\s?%)|(?:\d+(?:\.\d+)?|\.\d+)(?:e[-+]?\d+|k(?![a-z]))?"
NEED_A_UNIT = ("a", "an", "half", "quarter", "quarters", "半")
UNIT_GAP = re.compile(r"[\s-]?(?:个半?|of an? |an? |of a )?\s?")
OF_ITS_OWN = ("percent", "minutes", "hours")  # units that a part such as "half a" can be of
ARTICLES = "an?"  # one, before another number word or a unit
MEAN_OTHER_THINGS = ("이", "네", "한", "일", "세")  # before a name: this, yes, about, work, tax
COUNT_ALONE = ("둘", "셋", "넷", "열", "백", "천")  # Korean words of one syllable that say nothing else with a particle
NATIVE_ONES = "(?:하나|둘|셋|넷|다섯|여섯|일곱|여덟|아홉)"


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
    parts = [_with_unit(text, part, language=language) for part in find_parts(text)]
    rest = _without(text, parts)
    found = [*parts, *_in_digits(rest, language=language, after=frozenset(name.end for name in names))]
    taken = {position for number in found for position in range(number.start, number.end)}
    words = [number for number in _in_words(rest, language=language, names=names) if number.start not in taken]
    numbers = _durations(text, sorted([*found, *words], key=lambda number: number.start), language=language)
    return _joined(text, numbers, language=language)


def _with_unit(text: str, part: Part, *, language: Language) -> Number:
    """Three quarters are a share, but three quarters of an hour are minutes."""
    unit, end = _unit(text, part.end, language=language)
    is_time = unit in ("minutes", "hours")
    return Number(part.start, end if is_time else part.end, part.value, unit if is_time else part.unit, in_words=True)


def _without(text: str, numbers: Sequence[Number]) -> str:
    """The text with these overwritten."""
    for number in numbers:
        text = text[: number.start] + "\0" * (number.end - number.start) + text[number.end :]
    return text


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
        unit = "" if unit == "count" else unit
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
    for start, end, before in _rows(text, language=language, names=names):
        if found and start < found[-1].end:  # the half of 一个半小时
            continue
        words = text[start:end]
        below, value = _below(before, language=language), value_of_words(words, language=language)
        unit, after = _unit(text, end, language=language)
        is_hangul = "가" <= words[0] <= "힣"
        if len(words) == 1 and is_hangul and text[after - 1 : after] == "분" and not _ends_a_word(text, after):
            unit, after = "", end  # 구분 tells apart; it is no nine minutes
        is_alone = (len(words) > 1 or (words in COUNT_ALONE and not _is_a_set(text, start))) and _ends_a_word(text, end)
        is_counting = unit or below or is_alone or _is_beside_a_name(text, start, end, names=names, language=language)
        if value is None or (words[0] in _hangul_words(language) and not is_counting):
            continue
        needs_a_unit = all(word in NEED_A_UNIT for word in words.split())
        if _starts_a_word(text, end, language=language) or (needs_a_unit and unit not in OF_ITS_OWN):
            continue
        after, unit = (end, "") if unit == "count" else (after, unit)
        unit = "percent" if below and unit not in ("minutes", "hours") else unit
        share = value / (below or (100 if unit == "percent" else 1))
        found.append(Number(start, after, share, unit, in_words=True))
    return found


def _is_a_set(text: str, start: int) -> bool:
    """데이터 셋 is a data set, and not three."""
    return re.search(r"(?:데이터|학습|훈련|검증|테스트|평가|이미지)\s?$", text[:start]) is not None


def _rows(text: str, *, language: Language, names: Sequence[Found]) -> Iterator[tuple[int, int, str | None]]:
    """Where number words in a row make one number, with the part before it that says what it is divided by."""
    pattern = _word_pattern(language)
    matches = [*pattern.finditer(text), *(_at(text, name.end, language=language) for name in names)]
    for match in sorted(filter(None, matches), key=lambda match: match.start()):
        start = match.start(2)
        said = _without_ending(text, match.end(2), match[2], language=language)
        for word in _numbers_apart(said, language=language):
            at = text.index(word, start)
            yield at, at + len(word), match[1]
            start = at + len(word)


def _without_ending(text: str, end: int, words: str, *, language: Language) -> str:
    """Without the 이 that ends a Korean number and is no two: 열여섯이, 이백오십육이면, 사십이야, 삼백이십 이름."""
    if not words.endswith("이") or len(words) < 2 or not re.match("[가-힣]", words):
        return words
    begins_a_word = words[-2] == " " and not _ends_a_word(text, end) and not _unit(text, end, language=language)[0]
    is_ending = re.match("[^영공일이삼사오육칠팔구십백천점 ]", words[-2]) or re.search(
        "[십백천].*[일이삼사오육칠팔구]이$", words
    )
    is_said_to_be = re.compile("야|라고|다$|다[ .]").match(text, end) is not None
    return words[:-1].rstrip() if begins_a_word or is_ending or is_said_to_be else words


def _at(text: str, position: int, *, language: Language) -> re.Match[str] | None:
    """A Korean number right after a name: 시드오."""
    match = re.compile(rf"()((?:{one_number_word(language)})+)").match(text, position)
    return match if match and "가" <= match[2][0] <= "힣" and _ends_a_word(text, match.end()) else None


def _numbers_apart(words: str, *, language: Language) -> list[str]:
    """서른 열여섯 are two numbers and 이백 오십육 is one: what follows is smaller than the last digit that was said."""
    if not re.match("[가-힣]", words) or words.endswith("다스"):
        return [words]
    apart: list[str] = []
    for word in re.findall(r"\S+", words):
        value = value_of_words(word, language=language) or 0
        last = value_of_words(apart[-1], language=language) if apart else None
        if last and value < _last_place(last):
            apart[-1] = words[words.index(apart[-1]) : words.rindex(word) + len(word)]
        else:
            apart.append(word)
    return [
        each
        for word in apart
        for each in (re.findall(f"{NATIVE_ONES}", word) if re.fullmatch(f"{NATIVE_ONES}{{2,}}", word) else [word])
    ]


def _last_place(value: float) -> float:
    """Of the last digit that is not zero: 50 of 250."""
    place = 1.0
    while value and value % (place * 10) == 0:
        place *= 10
    return place


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
        elif _is_share(last, number, gap) and words.in_each.fullmatch(gap):
            joined[-1] = Number(last.start, number.end, last.value / number.value, "percent", last.in_words)
        elif _is_share(number, last, gap) and words.of_which.fullmatch(gap):
            joined[-1] = Number(last.start, number.end, number.value / last.value, "percent", last.in_words)
        elif re.fullmatch(r"\s?[-~]\s?", gap) and last.unit == "" and _below_it(last, number):
            joined[-1] = replace(number, start=last.start)
        else:
            joined.append(number)
    return joined


def _is_share(part: Number, whole: Number, gap: str) -> bool:
    """One in four, 3 in 100, 70에 하나; not 70에 4, which are two settings."""
    is_of_few = part.value == 1 and whole.value >= 2 and gap.strip() not in ("", "of", "per")
    is_round = (
        whole.value >= 10 and whole.value % 5 == 0 and (gap.strip() != "에" or math.log10(whole.value).is_integer())
    )
    return part.value <= whole.value and (is_of_few or is_round) and {part.unit, whole.unit} <= {"", "images"}


def _below_it(low: Number, high: Number) -> bool:
    return low.value < high.value * (100 if high.unit == "percent" else 1)


def _is_beside_a_name(text: str, start: int, end: int, *, names: Sequence[Found], language: Language) -> bool:
    """백 에폭, 에폭을 백으로, 시드 일, but not 이 에폭 (this one)."""
    means_another = text[start:end] in MEAN_OTHER_THINGS
    if not means_another and any(name.start - end in (0, 1) for name in names):
        return True
    near = [text[name.end : start] for name in names if 0 <= start - name.end <= 4]
    connectors = vocabulary(language).connectors
    is_said_of = any(not gap.strip() if means_another else connectors.fullmatch(gap) for gap in near)
    return is_said_of and (
        re.match(r"\s*(?:$|[,.!?])", text[end:]) is not None if means_another else _ends_a_word(text, end)
    )


def _ends_a_word(text: str, position: int) -> bool:
    """A Hangul number word is a word of its own: "오십으로", not the first syllable of another word."""
    return (
        re.compile(
            r"(?=\s|$|[,.!?)]|으로|로|을|를|에|은|는|이|하나|둘|셋|넷|다섯|안|간|만|짜리|개|번|회|정도|이내|이하|까지|까진|씩|쯤|꼴|도|동안|중|뿐|당|야|면|라|다가)"
        ).match(text, position)
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
    more = rf"(?:(?<=hundred)|(?<=thousand)) and (?:{ARTICLES} )?(?:{word})| and (?:{ARTICLES} )?(?:half|quarter)\b|(?<=[\u4e00-\u9fff])(?!一[批组])(?:{word})|(?<![\u4e00-\u9fff])[\s-]?(?:{word})"
    row = rf"(?!点)(?:{word})(?:{more}){{0,8}}"
    dozen = r"(?:打(?![开印断算扫包磨])|\s?다스)?"
    return re.compile(
        rf"(?:(?<![a-z가-힣])|(?=[\u4e00-\u9fff]))({_fraction(language)})?((?:half|quarter)(?: of)? {ARTICLES}(?: dozen)?|(?:{ARTICLES} )?{row}{dozen}|{ARTICLES})(?![a-z])"
    )


@lru_cache
def _hangul_words(language: Language) -> frozenset[str]:
    return frozenset(word[0] for word in vocabulary(language).numbers if "가" <= word[0] <= "힣")
