"""Parts and powers as people say them, each one number: a fifth, every twentieth, 삼할, 만분의 이, 两成半, 千分之五, ten to the minus four,
one e minus four, four by four, 三刻钟, an hour and a half."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from assistant.offline.number_words import one_number_word, value_of_words

PARTS_OF = "half:2 quarter:4 third:3 fourth:4 fifth:5 sixth:6 seventh:7 eighth:8 ninth:9 tenth:10 twelfth:12 fifteenth:15 twentieth:20"
PARTS_OF += " thirtieth:30 fortieth:40 fiftieth:50 hundredth:100 thousandth:1000 ten[\\s-]thousandth:10000 hundred[\\s-]thousandth:100000"
PARTS_OF += " millionth:1000000"
HAN_DIGIT = "[零一二两三四五六七八九]"


@dataclass(frozen=True)
class Part:
    """text[start:end] is a value with its unit."""

    start: int
    end: int
    value: float
    unit: str


def find_parts(text: str) -> list[Part]:
    """All of them in lower-case text, in its order, none within another."""
    found: list[Part] = []
    for pattern, read in _ways():
        for match in pattern.finditer(text):
            said = read(match)
            is_free = all(match.end() <= each.start or each.end <= match.start() for each in found)
            if said is not None and is_free:
                found.append(Part(*match.span(), *said))
    return sorted(found, key=lambda part: part.start)


Read = Callable[[re.Match[str]], tuple[float, str] | None]


@cache
def _ways() -> list[tuple[re.Pattern[str], Read]]:
    """Each way to say one: its pattern, and what a match is worth, with its unit. The groups hold numbers."""
    english, korean, chinese = (f"(?:{one_number_word(language)})" for language in ("en", "ko", "zh"))
    row = rf"{english}(?:[\s-]{english}){{0,3}}?"
    count = rf"\d+(?:\.\d+)?|{row}|{chinese}{{1,4}}|{korean}{{1,4}}"
    part = "|".join(each.split(":")[0] for each in reversed(PARTS_OF.split()))
    noun = r"(?!\s+(?:time|run|one|attempt|try|layer|model|plan|stage|block)\b)"
    of_a_unit = r"(?!\s*(?:of )?(?:an? |one )?(?:hour|percent|per cent|%|minute|dozen|precision))"
    negative = r"(?:minus|negative|-|负|마이너스)\s?"
    edge, korean_edge = r"(?<![a-z0-9])", "(?<![가-힣\\d])"
    han = rf"\d+(?:\.\d+)?|[{HAN_DIGIT[1:-1]}百千]*[十百千]{HAN_DIGIT}?|{HAN_DIGIT}(?:点{HAN_DIGIT}+)?"
    digit = "[영공일이삼사오육칠팔구]"
    sino = f"{digit}?십{digit}?|{digit}(?:점{digit}+)?"
    spoken = "zero|nought|one|two|three|four|five|six|seven|eight|nine|oh|o"
    ways: list[tuple[str, Read]] = [
        (rf"{edge}(?:(\d+|{row}|an?) )?hours? (?:and|n|&) (?:an? )?(half|quarter)(?![a-z])", _hours),
        (rf"({chinese}{{1,3}}|\d)刻钟?", lambda match: (15 * _value(match[1]), "minutes")),
        (
            rf"(?:({count})\s?(?:times|x|×|\*|乘以?|곱하기)\s?)?{edge}(?:10|ten|十|십)\s?(?:to the(?: power(?: of)?)?|\^|的|의)\s?{negative}({count})(?:th)?(?:次方|次幂|승|제곱)?",
            lambda match: (_value(match[1] or "1") * 10 ** -_value(match[2]), ""),
        ),
        (
            rf"(?:(?<![a-z0-9.])|(?=[\u3400-\u9fff]))({count})\s?e\s?{negative}({count})(?![a-z])",
            lambda match: (_value(match[1]) * 10 ** -_value(match[2]), ""),
        ),
        (
            rf"{edge}(?:(?:zero|oh|nought) )?point((?:[\s-]?(?:{spoken})(?![a-z]))+)",
            lambda match: (_decimals(re.findall(spoken, match[1])), ""),
        ),
        (rf"(?<![가-힣])(?:영|공)?점({digit}+)", lambda match: (_decimals(list(match[1])), "")),
        (rf"{edge}every (?:(\d+)(?:st|nd|rd|th)|({row}[\s-])?({part}|second|other))(?![a-z])", _every),
        (
            rf"(?<!and )(?<!n ){edge}(?:(\d+|half an?|{row}|an?)[\s-])({part})s?(?![a-z]){noun}{of_a_unit}",
            lambda match: _part_of(match[1], match[2]),
        ),
        (rf"{edge}()({part})(?= of\b| for\b){of_a_unit}", lambda match: _part_of("one", match[2])),
        (
            rf"{korean_edge}([\d일이삼사오육칠팔구십백천만]+)\s?분(?:의\s?|(?=[일이삼사오육칠팔구]))({sino}|\d+(?:\.\d+)?)",
            lambda match: _below(_value(match[1]), match[2]),
        ),
        (rf"([\d一二两三四五六七八九十百千万]+)分之({han})", lambda match: _below(_value(match[1]), match[2])),
        (
            rf"(?<![가-힣])({korean}|\d)\s?할(?:\s?({korean}|\d)\s?푼)?(?=\s|$|[,.!?]|은|는|만|을|로|이|정도|쯤|도|씩|에|까지)",
            lambda match: (_value(match[1]) / 10 + _value(match[2] or "0") / 100, "percent"),
        ),
        (
            rf"({HAN_DIGIT}|\d)成(半|{HAN_DIGIT}(?=$|[\s,.，。]))?(?!功|品|为|分|员|立|交|套|本|果|长|就|熟|不变)",
            lambda match: (_value(match[1]) / 10 + _value({"半": "5"}.get(match[2], match[2] or "0")) / 100, "percent"),
        ),
        (
            r"절반|(?<!시간 )(?<![가-힣\d])반(?=만|을|은|\s|$)|(?<!\d)一半(?!小时|个)|半数",
            lambda match: (0.5, "percent"),
        ),
        (rf"(?:{edge}double |쌍|双)({english}|{HAN_DIGIT}|[일이삼사오육칠팔구]|\d)(?![a-z])", _twice),
        (rf"{edge}({row}|\d+)\s?by\s?({row}|\d+)(?![a-z])", _square),
        (rf"({chinese}{{1,3}})\s?乘以?\s?({chinese}{{1,3}})", _square),
        (rf"(?<![가-힣])({korean}{{1,3}})\s?칸?\s?(?:곱하기|곱|바이)\s?({korean}{{1,3}})", _square),
        (rf"({HAN_DIGIT})(\1)(?=切|分|块|格|宫)", _square),
        (r"(?<![가-힣])([이삼사오육칠팔])(\1)(?=\s?(?:분할|등분|타일|으?로 (?:자|쪼|나)))", _square),
    ]
    return [(re.compile(pattern), read) for pattern, read in ways]


def _value(said: str) -> float:
    """Of digits or of words of any language, 십만 among them."""
    if re.fullmatch(r"\d+(?:\.\d+)?", said):
        return float(said)
    if said.endswith("만"):
        return 10000 * _value(said.removesuffix("만") or "1")
    if said in ("a", "an", "one", ""):
        return 1.0
    language = "ko" if "가" <= said[0] <= "힣" else "zh" if said[0] >= "\u3400" else "en"
    value = value_of_words(said, language=language)  # type: ignore[arg-type]
    return 0.0 if value is None else value


def _decimals(digits: list[str]) -> float:
    """What stands after the point: oh oh one, 공공일."""
    return float(
        "0." + "".join(str(int(_value(each))) if each not in ("oh", "o", "nought", "공") else "0" for each in digits)
    )


def _hours(match: re.Match[str]) -> tuple[float, str]:
    return 60 * _value(match[1] or "1") + (30 if match[2] == "half" else 15), "minutes"


def _every(match: re.Match[str]) -> tuple[float, str] | None:
    """Every twentieth, every two-hundredth, every 20th, every other."""
    if match[1]:
        return _below(float(match[1]), "1")
    times = _value(match[2].strip(" -")) if match[2] else 1.0
    return _below(times * (2 if match[3] in ("second", "other") else _whole(match[3])), "1")


def _part_of(count: str, part: str) -> tuple[float, str] | None:
    times = 0.5 if count.startswith("half") else _value(count)
    said = _below(_whole(part), "1")
    return None if said is None else (times * said[0], said[1])


def _whole(part: str) -> float:
    """Of how many it is one."""
    pairs = (each.split(":") for each in PARTS_OF.split())
    return next(float(number) for word, number in pairs if re.fullmatch(word, part))


def _below(whole: float, said: str) -> tuple[float, str] | None:
    """A share is in percent; smaller things are no shares but rates."""
    return (_value(said) / whole, "percent") if whole else None


def _twice(match: re.Match[str]) -> tuple[float, str] | None:
    """Double seven is 77."""
    value = _value(match[1])
    return (11 * value, "") if 0 < value < 10 else None


def _square(match: re.Match[str]) -> tuple[float, str] | None:
    """Four by four are four on each side."""
    value = _value(match[1])
    return (value, "") if value == _value(match[2]) and value > 0 else None
