"""Names of data sets however people say them, and words that name none."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from assistant.offline.language import detect_language
from assistant.offline.names import find_datasets, nearest
from assistant.offline.phrases import vocabulary
from assistant.offline.recognise import recognise
from assistant.offline.things import things

DATASETS = ["panel_line3", "bottles", "phone_screen", "oled_a2", "flex_oled", "tv_65"]


def named(text: str, *, datasets: list[str] = DATASETS) -> list[str]:
    """What a text says of data sets: registered names, or what it says in their place."""
    return [each.value for each in recognise(text, datasets=datasets, language=detect_language(text)).datasets]


@pytest.mark.parametrize(
    ("text", "dataset"),
    [
        ("train padim on line 3", "panel_line3"),
        ("take efficientad for line three", "panel_line3"),
        ("3호기 데이터로 학습해줘", "panel_line3"),
        ("3라인 데이터 확인해줘", "panel_line3"),
        ("3번 라인으로 학습", "panel_line3"),
        ("拿三号线的数据训练", "panel_line3"),
        ("3线的数据有没有重复图", "panel_line3"),
        ("what's inside the a2 oled set", "oled_a2"),
        ("flexible oled please", "flex_oled"),
        ("플렉서블 OLED 몇 장 있어", "flex_oled"),
        ("柔性OLED一共多少图", "flex_oled"),
        ("the 65 inch ones, what's in there?", "tv_65"),
        ("give the tv panels a run", "tv_65"),
        ("要电视屏", "tv_65"),
        ("train on botles", "bottles"),
        ("병으로 학습해줘", "bottles"),
        ("用瓶子训练", "bottles"),
        ("train on the screens", "phone_screen"),
    ],
)
def test_a_part_of_a_name_a_translation_or_a_slip_is_enough_where_one_data_set_is_meant(
    text: str, dataset: str
) -> None:
    assert named(text) == [dataset]


@pytest.mark.parametrize(
    ("text", "said", "near"),
    [
        ("train something on line 4", "line 4", "panel_line3"),
        ("4라인으로 학습 돌려줘", "4라인", "panel_line3"),
        ("用四号线训练", "四号线", "panel_line3"),
        ("make me a padim for the tablet screens", "tablet screens", "phone_screen"),
        ("태블릿 화면 데이터로 패딤 부탁", "태블릿 화면", "phone_screen"),
        ("平板屏的数据跑个padim", "平板屏", "phone_screen"),
        ("what about the curved screens", "curved screens", "phone_screen"),
        ("train on the oled", "oled", "oled_a2"),
        ("padim on the oled a3", "oled a3", "oled_a2"),
    ],
)
def test_what_means_no_single_registered_name_stays_as_it_was_said_and_the_near_ones_are_known(
    text: str, said: str, near: str
) -> None:
    assert named(text) == [said]
    assert near in nearest(said, datasets=DATASETS, words=vocabulary("en"))[:2]


def test_of_a_part_that_two_names_have_both_are_offered_and_no_other() -> None:
    assert sorted(nearest("oled", datasets=DATASETS, words=vocabulary("en"))) == ["flex_oled", "oled_a2"]


@pytest.mark.parametrize(
    "text",
    [
        "why does r12 flag so many good screens",
        "one escape costs about as much as two hundred good panels thrown away",
        "200 good bottles are enough",
        "roll it out to the production line",
        "it runs out of memory on this laptop",
        "let me see the ten ugliest pictures of r4",
        "sixty-four per batch and thirty-two epochs",
        "磁盘满了",
        "병합해줘",
        "양품 20장으로 학습하려면",
        "10인치는 몇 센치야",
    ],
)
def test_an_ordinary_word_is_no_name(text: str) -> None:
    assert named(text, datasets=[*DATASETS, "magnetic_tile"]) == []


def test_a_number_is_no_slip_of_another() -> None:
    names = ["tft_line2", "tft_line5"]
    assert named("tft line five with padim", datasets=names) == ["tft_line5"]
    assert named("train on tft line 3", datasets=names) == ["tft line 3"]
    assert named("train on the tft line data", datasets=names) == ["tft line"]


def test_a_name_as_it_is_written_goes_before_a_translation_of_it() -> None:
    assert named("납땜_3 데이터 점검해줘", datasets=["焊点_3", "납땜_3"]) == ["납땜_3"]


WORDS = st.sampled_from(["bottle", "screw", "cable", "wafer", "zipper", "capsule", "leather", "hazelnut", "gear"])


@given(WORDS, WORDS, st.integers(1, 99), st.sampled_from(["_", "-", " ", ""]))
def test_a_name_is_found_however_its_parts_are_joined(first: str, second: str, number: int, joint: str) -> None:
    assume(first != second)
    name = f"{first}_{second}{number}"
    assert named(f"train padim on {first}{joint}{second}{joint}{number} please", datasets=[name, "oled"]) == [name]


@given(WORDS, WORDS, st.sampled_from(["en", "ko", "zh"]))
def test_a_translated_name_means_the_same_data_set(first: str, second: str, language: str) -> None:
    assume(first != second)
    words = vocabulary("en")
    script = {"en": "[a-z ]+", "ko": "[가-힣 ]{2,}", "zh": "[\u4e00-\u9fff]{2,}"}[language]
    one, other = (
        next((form for form, keys in things().keys.items() if {word} in keys and re.fullmatch(script, form)), None)
        for word in (first, second)
    )
    assume(one is not None and other is not None)
    text = {
        "en": f"train on the {one} {other} data",
        "ko": f"{one} {other} 데이터로 학습",
        "zh": f"用{one}{other}的数据训练",
    }
    found = find_datasets(text[language], datasets=[f"{first}_{second}", "oled"], words=words)
    assert [each.value for each in found] == [f"{first}_{second}"]


@pytest.mark.parametrize(
    ("text", "dataset"),
    [
        ("padim on the batteries", "battery_b2"),
        ("what is in the boxes set", "box_front"),
        ("check the loaves", "loaf_k3"),
    ],
)
def test_a_thing_is_known_in_the_plural(text: str, dataset: str) -> None:
    assert named(text, datasets=["battery_b2", "box_front", "loaf_k3"]) == [dataset]


@pytest.mark.parametrize(
    ("text", "dataset"),
    [
        ("나사 데이터 몇 장이야", "m6_screws"),
        ("m6螺絲那批跑一下", "m6_screws"),
        ("铝塑板用padim", "blister_pack"),
        ("블리스터 상태 좀 봐줘", "blister_pack"),
        ("焊缝那套", "weld_seam"),
        ("파우치셀에 디노말리", "pouch_cell"),
        ("软包跑个模型", "pouch_cell"),
        ("the boards of line 4, padim", "line4_pcb"),
        ("4라인 기판으로 학습", "line4_pcb"),
        ("四线的板子要分类", "line4_pcb"),
    ],
)
def test_what_people_call_a_product_means_its_data_in_every_language(text: str, dataset: str) -> None:
    assert named(text, datasets=["m6_screws", "blister_pack", "weld_seam", "pouch_cell", "line4_pcb"]) == [dataset]


def test_every_part_of_a_compound_is_the_word_that_names_are_cut_into() -> None:
    known = {key for keys in things().keys.values() for each in keys if len(each) == 1 for key in each}
    others = {form for form, keys in things().keys.items() if frozenset({form}) not in keys}
    compounds = {key for keys in things().keys.values() for each in keys if len(each) > 1 for key in each}
    assert compounds & others <= known


@given(WORDS, st.integers(1, 30), st.integers(1, 30))
def test_a_number_that_no_name_has_is_never_taken_for_another(word: str, has: int, said: int) -> None:
    assume(has != said)
    assert named(f"train on line {said}", datasets=[f"{word}_line{has}"]) == [f"line {said}"]
