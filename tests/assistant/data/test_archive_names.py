"""Names whose encoding nobody wrote down, as old programs pack them: decided by what all of them give as words."""

import pytest

from assistant.data.archive_names import decode_names

ARCHIVES = [
    ("gbk", ["良品", "不良"]),
    ("gbk", ["合格", "划痕"]),
    ("gbk", ["良品", "缺陷", "脏污", "凹坑"]),
    ("gbk", ["训练", "测试", "掩码"]),
    ("gbk", ["好", "坏"]),
    ("cp949", ["양품", "불량"]),
    ("cp949", ["정상", "스크래치"]),
    ("cp949", ["찍힘", "긁힘", "얼룩"]),
    ("cp949", ["학습", "시험"]),
    ("cp932", ["良品", "キズ"]),
    ("cp932", ["正常", "汚れ", "欠け"]),
    ("big5", ["良品", "刮痕"]),
    ("big5", ["合格", "不良", "氣泡"]),
    ("utf-8", ["良品", "不良"]),
    ("utf-8", ["양품", "キズ", "дефект", "groß"]),
    ("cp437", ["défaut", "rayé"]),
]


@pytest.mark.parametrize(("encoding", "words"), ARCHIVES)
def test_the_words_of_an_archive_are_read_as_they_were_meant(encoding: str, words: list[str]) -> None:
    names = [f"{word}/{number}.png" for word in words for number in range(3)]
    assert decode_names([name.encode(encoding) for name in names]) == names


@pytest.mark.parametrize(
    ("encoding", "word"), [("gbk", "良品"), ("gbk", "合格"), ("gbk", "划痕"), ("cp949", "양품"), ("cp949", "불량")]
)
def test_the_usual_words_are_read_where_they_stand_alone(encoding: str, word: str) -> None:
    assert decode_names([word.encode(encoding), b"good.png"]) == [word, "good.png"]


def test_a_word_that_could_be_two_follows_the_others() -> None:
    chinese = [word.encode("gbk") for word in ("背面", "良品", "不良")]
    assert decode_names(chinese[:1]) == ["교충"]  # the same bytes in Korean
    assert decode_names(chinese) == ["背面", "良品", "不良"]


def test_one_name_of_another_encoding_spoils_no_other() -> None:
    names = [name.encode("cp949") for name in ("양품", "불량", "얼룩")]
    assert decode_names([*names, b"\xff\x01"])[:3] == ["양품", "불량", "얼룩"]


def test_names_are_composed_as_they_are_typed() -> None:
    assert (
        decode_names(["양품".encode()]) == decode_names(["\u110b\u1163\u11bc\u1111\u116e\u11b7".encode()]) == ["양품"]
    )
