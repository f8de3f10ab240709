"""Numbers as people say them, there and back: a number is put into words by the rules of each language, and read again."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.offline.numbers import find_numbers
from prompts.languages import Language

ONES = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen"
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"


def in_english(value: int, *, with_and: bool) -> str:
    """512 -> five hundred and twelve."""
    ones, tens = ONES.split(), TENS.split()
    if value < 20:
        return ones[value]
    if value < 100:
        return tens[value // 10 - 2] + (f"-{ones[value % 10]}" if value % 10 else "")
    size, word = (1000, "thousand") if value >= 1000 else (100, "hundred")
    rest = f"{' and' if with_and else ''} {in_english(value % size, with_and=False)}" if value % size else ""
    return f"{in_english(value // size, with_and=False)} {word}{rest}"


def in_sino(value: int, *, digits: str, steps: str, one: bool) -> str:
    """512 -> 오백십이, 五百一十二. `one`: whether a single hundred is said with its one."""
    said = ""
    for size, step in zip((1000, 100, 10), steps, strict=True):
        count, value = divmod(value, size)
        if count:
            said += ("" if count == 1 and not one else digits[count]) + step
    return said + (digits[value] if value or not said else "")


def read(text: str, language: Language) -> list[float]:
    return [number.value for number in find_numbers(text, language=language)]


@given(st.integers(2, 9999), st.booleans())
def test_an_english_number_in_words_is_read_back(value: int, with_and: bool) -> None:
    assert read(f"{in_english(value, with_and=with_and)} percent", "en") == [value / 100]


@given(st.integers(11, 9999))
def test_a_korean_number_in_words_is_read_back(value: int) -> None:
    said = in_sino(value, digits="영일이삼사오육칠팔구", steps="천백십", one=False)
    assert read(f"{said} 픽셀", "ko") == [value]


@given(st.integers(11, 9999).filter(lambda value: "0" not in str(value)))
def test_a_chinese_number_in_words_is_read_back(value: int) -> None:
    said = in_sino(value, digits="零一二三四五六七八九", steps="千百十", one=True)
    assert read(f"{said}像素", "zh") == [value]


@pytest.mark.parametrize(
    ("text", "language", "value"),
    [
        ("two fifty six", "en", 256),
        ("five twelve", "en", 512),
        ("a hundred and twenty", "en", 120),
        ("two dozen", "en", 24),
        ("1k", "en", 1000),
        ("一百二", "zh", 120),
        ("三千五", "zh", 3500),
        ("一百零二", "zh", 102),
        ("서른두 장", "ko", 32),
        ("a dozen", "en", 12),
        ("ten twenty four", "en", 1024),
        ("point oh oh one", "en", 0.001),
        ("ten to the minus four", "en", 0.0001),
        ("three times ten to the minus four", "en", 0.0003),
        ("one e minus four", "en", 0.0001),
        ("four by four", "en", 4),
        ("seed double seven", "en", 77),
        ("영점공공일", "ko", 0.001),
        ("한 다스", "ko", 12),
        ("네 칸씩", "ko", 4),
        ("삼등분", "ko", 3),
        ("열여섯이 안전하겠지", "ko", 16),
        ("사십이야", "ko", 40),
        ("석 장", "ko", 3),
        ("삼 곱 삼", "ko", 3),
        ("最近仨", "zh", 3),
        ("俩邻居", "zh", 2),
        ("一打良品", "zh", 12),
        ("卅五轮", "zh", 35),
        ("三乘三", "zh", 3),
        ("四四分块", "zh", 4),
        ("五乘十的负五", "zh", 0.00005),
    ],
)
def test_a_number_is_what_people_mean_by_it(text: str, language: Language, value: float) -> None:
    assert read(text, language) == [pytest.approx(value)]


@pytest.mark.parametrize(
    ("text", "language", "values"),
    [
        ("서른 열여섯", "ko", [30, 16]),
        ("이백 오십육 픽셀", "ko", [256]),
        ("레이어 하나 둘 셋", "ko", [1, 2, 3]),
        ("70에 4", "ko", [70, 4]),
        ("배치 서른둘에 에폭 마흔", "ko", [32, 40]),
        ("六十四一批", "zh", [64, 1]),
        ("千分之一一条道", "zh", [0.001, 1]),
    ],
)
def test_what_cannot_be_one_number_is_several(text: str, language: Language, values: list[float]) -> None:
    assert read(text, language) == values


@pytest.mark.parametrize(
    ("text", "language", "share"),
    [
        ("half a percent", "en", 0.005),
        ("0,5 %", "en", 0.005),
        ("2,5 %", "en", 0.025),
        ("3 in 100", "en", 0.03),
        ("three out of a hundred", "en", 0.03),
        ("천분의 오", "ko", 0.005),
        ("100장 중 3장", "ko", 0.03),
        ("千分之五", "zh", 0.005),
        ("一百片里三片", "zh", 0.03),
        ("a fifth of the good ones", "en", 0.2),
        ("quarter of the patches", "en", 0.25),
        ("five hundredths", "en", 0.05),
        ("one ten-thousandth", "en", 0.0001),
        ("every two-hundredth", "en", 0.005),
        ("every 20th", "en", 0.05),
        ("one good part in five", "en", 0.2),
        ("one image in twenty", "en", 0.05),
        ("thirty-five in the hundred", "en", 0.35),
        ("half a thousandth", "en", 0.0005),
        ("삼할", "ko", 0.3),
        ("일 할은", "ko", 0.1),
        ("만분의 이", "ko", 0.0002),
        ("십만분의 오", "ko", 0.00005),
        ("백분일", "ko", 0.01),
        ("열에 하나", "ko", 0.1),
        ("오십 개에 하나", "ko", 0.02),
        ("백 개 중 하나", "ko", 0.01),
        ("천 개에 다섯 개", "ko", 0.005),
        ("양품 절반", "ko", 0.5),
        ("一成", "zh", 0.1),
        ("三成半", "zh", 0.35),
        ("万分之一", "zh", 0.0001),
        ("两百个良品顶多冤一个", "zh", 0.005),
        ("一百个好的最多丢仨", "zh", 0.03),
        ("五张抽一张", "zh", 0.2),
        ("过杀三个点", "zh", 0.03),
    ],
)
def test_a_share_is_one_number(text: str, language: Language, share: float) -> None:
    assert read(text, language) == [pytest.approx(share)]


@pytest.mark.parametrize(
    ("text", "language", "minutes"),
    [
        ("three quarters of an hour", "en", 45),
        ("half an hour", "en", 30),
        ("two and a half hours", "en", 150),
        ("두 시간 반", "ko", 150),
        ("一个半小时", "zh", 90),
        ("四分之三小时", "zh", 45),
        ("三刻钟", "zh", 45),
        ("一小时一刻钟", "zh", 75),
        ("hour and a half", "en", 90),
        ("hour n half", "en", 90),
        ("an hour and a quarter", "en", 75),
        ("한 시간 반", "ko", 90),
    ],
)
def test_a_duration_is_one_number(text: str, language: Language, minutes: float) -> None:
    (number,) = find_numbers(text, language=language)
    assert number.value * (60 if number.unit == "hours" else 1) == minutes


@pytest.mark.parametrize("text", ["50-100 epochs", "50 ~ 100 epochs"])
def test_of_a_range_the_upper_end_is_meant(text: str) -> None:
    assert read(text, "en") == [100]


def test_numbers_in_a_list_stay_apart() -> None:
    assert read("layers 1,2 and 3", "en") == [1, 2, 3]
    assert read("1,024 pixels", "en") == [1024]


@pytest.mark.parametrize(
    "text",
    [
        "불량 종류를 구분해줘",
        "이 모델 말고",
        "a model",
        "half the good ones",
        "the fifth run",
        "학습할 데이터 셋",
    ],
)
def test_a_word_that_only_looks_like_a_number_is_none(text: str) -> None:
    assert read(text, "ko" if not text.isascii() else "en") == []
