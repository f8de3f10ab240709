"""Settings in people's own words, what they take back and what they do not want."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant.offline.language import detect_language
from assistant.offline.reading import Reading
from assistant.offline.recognise import recognise
from assistant.offline.understand import understand

DATASETS = ["bottles", "phone_screen"]
MODELS = st.sampled_from(["padim", "stfpm", "patchcore", "fastflow", "cflow"])
CORRECTIONS = st.sampled_from(
    [", no wait, ", " - sorry, ", ". I mean ", ", oops, ", " 아니 ", ", 아니다 ", "，不对，", "，算了，"]
)


def heard(text: str, *, plan: dict[str, Any] | None = None, changed: Sequence[str] = ()) -> Reading:
    return recognise(text, datasets=DATASETS, language=detect_language(text), plan=plan, changed=changed)


def settings(text: str, *, plan: dict[str, Any] | None = None) -> dict[str, Any]:
    return {setting.name: setting.value for setting in heard(text, plan=plan).settings}


@given(MODELS, MODELS, CORRECTIONS)
def test_of_two_models_with_a_correction_between_them_the_later_one_is_meant(
    one: str, other: str, correction: str
) -> None:
    assert [each.value for each in heard(f"{one}{correction}{other}").models] == [other]


@given(st.integers(1, 512), st.integers(1, 512), CORRECTIONS)
def test_a_number_after_a_correction_is_the_value_of_the_setting_before(one: int, other: int, correction: str) -> None:
    assert settings(f"batch {one}{correction}{other}") == {"batch_size": other}


@pytest.mark.parametrize(
    ("text", "dataset"),
    [
        ("bottles - sorry, the phone screens", "phone_screen"),
        ("用瓶子，哦不，用手机屏训练", "phone_screen"),
        ("폰 화면, 아니다 병으로 해줘", "bottles"),
    ],
)
def test_of_two_data_sets_with_a_correction_between_them_the_later_one_is_meant(text: str, dataset: str) -> None:
    assert [each.value for each in heard(text).datasets] == [dataset]


@pytest.mark.parametrize(
    "text", ["padim and stfpm", "padim 아니면 stfpm", "padim还是stfpm好", "should I use padim or stfpm"]
)
def test_without_a_correction_two_models_are_two(text: str) -> None:
    assert [each.value for each in heard(text).models] == ["padim", "stfpm"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("don't use the gpu", {"device": "cpu"}),
        ("anything but the gpu, somebody else needs it", {"device": "cpu"}),
        ("GPU는 쓰지 마", {"device": "cpu"}),
        ("gpu 말고 cpu로", {"device": "cpu"}),
        ("不用GPU", {"device": "cpu"}),
        ("预训练不要，显卡也不要", {"weights": "random", "device": "cpu"}),
        ("사전학습도 빼고 GPU도 빼줘", {"weights": "random", "device": "cpu"}),
        ("no augmentation", {"augmentation": "none"}),
        ("증강은 빼고", {"augmentation": "none"}),
        ("数据增强就别加了", {"augmentation": "none"}),
        ("without early stopping", {"patience": 0}),
        ("no label smoothing", {"label_smoothing": 0.0}),
        ("without the good images as a class", {"include_good": False}),
    ],
)
def test_what_is_not_wanted_says_what_is(text: str, wanted: dict[str, Any]) -> None:
    assert settings(text) == wanted


@pytest.mark.parametrize("text", ["why don't we use the gpu", "能不能用GPU", "can you use the gpu"])
def test_a_question_that_only_looks_like_a_no_is_none(text: str) -> None:
    assert settings(text) == {"device": "cuda"}


def test_a_model_beside_a_negation_of_something_else_is_meant() -> None:
    reading = heard("用padim不用GPU")
    assert [each.value for each in reading.models] == ["padim"]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("one missed defect costs as much as 50 rejected good parts", {"escape_cost": 50}),
        ("미검 하나가 양품 50장 버리는 거랑 맞먹어요", {"escape_cost": 50}),
        ("漏一个不良相当于白扔五十片好屏", {"escape_cost": 50}),
        ("an escape is 20 times worse than a false alarm", {"escape_cost": 20}),
        ("keep only 1% of the patches", {"coreset_ratio": 0.01}),
        ("패치는 1프로만 남겨", {"coreset_ratio": 0.01}),
        ("patch只留1%就够了", {"coreset_ratio": 0.01}),
        ("drop 99 % of the patches", {"coreset_ratio": 0.01}),
        ("at most 3 in 100 good ones may be thrown out", {"overkill_rate": 0.03}),
        ("양품 100장 중 3장까지는 버려도 돼", {"overkill_rate": 0.03}),
        ("一百片好的里最多错杀三片", {"overkill_rate": 0.03}),
        ("sixty-four per batch and thirty-two epochs", {"batch_size": 64, "epochs": 32}),
    ],
)
def test_settings_are_read_from_the_words_of_the_trade(text: str, wanted: dict[str, Any]) -> None:
    assert settings(text) == wanted


PLAN = {"model": "stfpm", "image_size": 256, "batch_size": 16, "epochs": 100, "learning_rate": 0.4}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("half the image size", {"image_size": 128}),
        ("twice as many epochs", {"epochs": 200}),
        ("에폭 두 배로", {"epochs": 200}),
        ("批量减半", {"batch_size": 8}),
        ("learning rate ten times smaller", {"learning_rate": 0.04}),
        ("三倍轮数", {"epochs": 300}),
    ],
)
def test_a_multiple_is_one_of_what_the_plan_says(text: str, wanted: dict[str, Any]) -> None:
    assert settings(text, plan=PLAN) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("use less memory", {"batch_size": 8}),
        ("faster please", {"epochs": 50}),
        ("더 세밀하게 보고 싶어", {"image_size": 512}),
    ],
)
def test_a_wish_changes_what_the_plan_says(text: str, wanted: dict[str, Any]) -> None:
    assert [request.arguments for request in understand(text, datasets=DATASETS, plan=PLAN).requests] == [wanted]


@given(st.integers(2, 16), st.integers(1, 5))
def test_a_multiple_keeps_to_steps_and_bounds(half: int, times: int) -> None:
    size = settings(f"image size {times} times as large", plan={"model": "padim", "image_size": 64 * half}).get(
        "image_size"
    )
    assert size is None or (size % 32 == 0 and 64 <= size <= 1024)


@pytest.mark.parametrize("text", ["no wait, 256", "아니다 256으로", "不对，256"])
def test_a_bare_correction_is_about_what_was_chosen_last(text: str) -> None:
    (setting,) = heard(text, changed=["overkill_rate", "image_size"]).settings
    assert (setting.name, setting.value) == ("image_size", 256)
    assert heard(text).settings == []
    assert [number.value for number in heard(text).numbers] == [256]


def test_a_reason_is_no_wish() -> None:
    assert settings("patchcore is too slow, use padim") == {}
    assert settings("use mixed precision to save memory") == {"precision": "mixed"}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("label smoothing 0", {"label_smoothing": 0.0}),
        ("라벨 스무딩 0.1", {"label_smoothing": 0.1}),
        ("标签平滑 0", {"label_smoothing": 0.0}),
        ("smoothing 2", {"blur_sigma": 2.0}),
        ("with the good images as a class", {"include_good": True}),
        ("양품도 클래스로 넣어줘", {"include_good": True}),
        ("把良品也作为一类", {"include_good": True}),
        ("head steps 50", {"head_steps": 50}),
    ],
)
def test_a_setting_of_classifiers_is_told_from_one_of_detectors(text: str, wanted: dict[str, Any]) -> None:
    assert settings(text) == wanted


def test_a_networks_family_is_the_model_beside_the_name_of_a_backbone() -> None:
    reading = recognise("a mobilenet classifier with mobilenetv2_100", datasets=[], language="en")
    assert [model.value for model in reading.models] == ["mobilenet"]
    assert [(each.name, each.value) for each in reading.settings] == [("backbone", "mobilenetv2_100")]


def test_a_number_that_fits_nowhere_is_told_and_not_dropped() -> None:
    heard = understand("train padim on bottles with 777", datasets=DATASETS)
    assert heard.unused == ("777",)


def test_a_plans_id_is_read_as_it_is_written() -> None:
    assert [each.value for each in heard("start p023292528").proposals] == ["p023292528"]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("predict on /data/Line3/today.", "/data/Line3/today"),
        ("/data/라인3를 판정해줘", "/data/라인3"),
        ("判定/data/new里的图像", "/data/new"),
        ("judge C:\\Panels\\new", "C:\\Panels\\new"),
        ("about 3/4 of the good and/or bad ones", None),
        ("양모 펠트 굿/배드 비율", None),
        ("好/坏的比例", None),
        ("/train something", None),
    ],
)
def test_a_path_from_the_root_names_data(text: str, path: str | None) -> None:
    assert [each.value for each in heard(text).datasets] == ([] if path is None else [path])
