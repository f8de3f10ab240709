"""What is said of a finished run: what was missed first, worst first, and nothing that was not measured."""

from typing import Any, get_args

import pytest

from assistant.kinds import kind_of
from assistant.telling import composed, outlined, sentences_of, told
from engine.contract.events import Epoch
from engine.contract.results import WeightsUsed
from engine.contract.results.detect import DetectMetrics, OfType, PromiseCheck, SpeedAndMemory, ThresholdTold
from prompts.languages import Language
from tests.told_runs import claims, classification, detection, learning, on_synthetic, threshold

LANGUAGES: tuple[Language, ...] = get_args(Language)


def said(run: Any, language: Language = "en", *, answer: str = "summary", **more: Any) -> str:
    """The answer to a question about the run."""
    kind = "detect" if isinstance(run, DetectMetrics) else "classify"
    sentences = sentences_of(claims(run, **more), language)
    return composed(told(sentences, outlined(sentences, kind_of(kind).outlines[answer])), language)


def texts(run: Any, language: Language = "en") -> dict[str, str]:
    """Every sentence by its id."""
    return {sentence.id: sentence.text for sentence in sentences_of(claims(run), language)}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_summary_begins_with_what_was_missed_by_type_the_worst_first(language: Language) -> None:
    first, second, third = said(detection({"dust": (8, 32), "line": (4, 8), "spot": (0, 4)}), language).splitlines()[:3]
    assert "r7" in first and "12" in first and "44" in first
    assert first.index("*line*") < first.index("0.800") and "50 %" in first  # its recall and its AUROC
    assert second.startswith("- *line*") and "4" in second and "8" in second
    assert third.startswith("- *dust*") and "32" in third


FAILURE = {"en": "Serious failure", "ko": "심각한 문제", "zh": "严重问题"}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("types", "named"),
    [
        ({"dust": (0, 32), "line": (8, 8)}, "*line*"),
        ({"dust": (0, 32), "line": (6, 8)}, "*line*"),
        ({"dust": (20, 32), "line": (6, 8)}, "40"),
        ({"dust": (8, 32), "line": (4, 8)}, None),
        ({"dust": (0, 32), "line": (1, 1)}, None),
    ],
)
def test_a_failure_is_called_one_in_the_first_line_and_nothing_less_is(
    language: Language, types: Any, named: str | None
) -> None:
    text = said(detection(types), language)
    assert (FAILURE[language] in text) == (named is not None)
    assert named is None or (FAILURE[language] in text.splitlines()[0] and named in text.splitlines()[0])


@pytest.mark.parametrize("language", LANGUAGES)
def test_made_up_defects_are_told_apart_from_real_ones_and_called_a_guess(language: Language) -> None:
    both = detection({"crack": (1, 9)}, on_synthetic=on_synthetic(5, 16))
    plain, told = texts(detection({"crack": (1, 9)}), language), texts(both, language)
    (extra,) = told.keys() - plain.keys()
    assert {name: told[name] for name in plain} == plain
    assert all(each in told[extra] for each in ("synthetic_spot", "5", "32", "16"))
    assert "synthetic_spot" in said(both, language)
    assert ("guess", "짐작", "估计")[LANGUAGES.index(language)] in told[extra]


def test_where_only_made_up_defects_were_tested_with_real_ones_are_said_not_to_be_measured() -> None:
    alone = said(detection({}, on_synthetic=on_synthetic(5, 16)))
    assert "was not measured" in alone
    assert "holds no defective images" not in alone


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_type_that_was_missed_whole_is_said_before_everything_else(language: Language) -> None:
    first = said(detection({"dust": (8, 32), "line": (8, 8), "mura": (3, 3)}), language).splitlines()[0]
    assert "*line*" in first and "*mura*" in first and "*dust*" not in first


def test_what_was_found_follows_from_what_was_missed() -> None:
    told = texts(detection({"line": (6, 8), "dust": (8, 32)}))
    assert told["r7.found"] == "r7: Found: 26 of 40 defective test images (65 %)."
    assert "2 of 8 found, 25 %" in told["r7.found.line"]


def test_a_type_is_not_usable_only_by_a_measure_that_is_said() -> None:
    told = texts(detection({"line": (7, 8), "dust": (8, 32)}))
    assert "More than 50 % of *line* is missed at this threshold (7 of 8)" in told["r7.unusable.line"]
    assert "r7.unusable.dust" not in told


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_not_measured_is_said_to_be_unmeasurable(language: Language) -> None:
    text = said(detection({}), language)
    assert "0.919" not in text
    assert {"en": "cannot be measured", "ko": "측정할 수 없습니다", "zh": "无法测量"}[language] in text


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("policy", "words"),
    [
        ("leave_one_out", ("weaker", "더 약해", "保证较弱")),
        ("percentile", ("nothing is promised", "아무것도 보장하지", "没有任何保证")),
        ("split_conformal", ("on average at most 7.69 %", "평균적으로 최대 7.69 %", "平均最多为 7.69 %")),
    ],
)
def test_a_threshold_says_what_its_policy_promises(language: Language, policy: Any, words: tuple[str, ...]) -> None:
    assert words[LANGUAGES.index(language)] in said(detection(threshold=threshold(policy)), language)


def test_a_rate_that_so_few_images_cannot_promise_is_said() -> None:
    told = said(detection())
    assert "You asked for 5 %: that takes 19 good images, and 12 set the threshold." in told
    assert "where a new good image still falls 1 time in 13: 7 more good images are needed" in told
    assert "You asked for" not in said(detection(threshold=threshold(images=19)))


def checked(
    overkill: float, *, images: int = 61, good: int = 100, policy: Any = "split_conformal", p: float = 0.4
) -> Any:
    """Of good test images this share was called defective, and so many set the threshold."""
    told = threshold(policy, images=images)
    check = PromiseCheck(held=True, promised=told.promised, overkill=overkill, ks_p_value=p)
    return detection(good=good, alarms=round(overkill * good), promise_check=check, threshold=told)


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_was_promised_and_what_was_measured_are_told_together(language: Language) -> None:
    paragraphs = said(checked(0.12), language).split("\n\n")
    (told,) = [each for each in paragraphs if "4.84 %" in each and "12 %" in each]
    assert "100" in told and "21" in told  # 1 time in 21
    assert "p 0.4" not in told


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (checked(0.12, p=0.003), "unlike those that set the threshold, such as another lot, date or light: their scores differ (p 0.003"),
        (checked(0.07), "only 61 good images set the threshold"),
        (checked(0.07, images=400, good=50), "50 good test images are few: 1 more or less is 2 % of them"),
        (checked(0.4, policy="leave_one_out"), "learnt from fewer of them"),
        (checked(0.2), "whether these good images come from another lot"),
        (checked(0.04), "The promise holds on these"),
    ],
)  # fmt: skip
def test_more_overkill_than_promised_is_told_with_the_likeliest_reason_by_what_speaks_for_it(
    run: Any, words: str
) -> None:
    assert words in said(run)


def test_a_chance_is_told_as_once_in_so_many_or_as_a_share_where_it_is_common() -> None:
    assert "in 35.6 % of such tests" in said(checked(0.06))
    assert "1 time in 21" in said(checked(0.12))
    assert "less often than 1 time in 1,000" in said(checked(0.5))


@pytest.mark.parametrize("language", LANGUAGES)
def test_another_threshold_is_spoken_of_only_where_it_would_help(language: Language) -> None:
    assert "82.5 %" in said(detection(), language)
    assert "82.5 %" not in said(detection({"line": (1, 40)}), language)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("make", [detection, classification])
def test_random_weights_and_synthetic_data_are_said_loudly(make: Any, language: Language) -> None:
    plain = said(make(), language)
    loud = said(make(weights=WeightsUsed(backbone="resnet18", source="random"), synthetic=True), language)
    assert len(loud.splitlines()) > len(plain.splitlines())
    assert "resnet18" in loud


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_classifier_is_told_beside_guessing_with_what_is_taken_for_what(language: Language) -> None:
    text = said(classification(), language)
    assert "75 %" in text and "50 %" in text  # balanced accuracy, guessing
    assert "*crack*" in text and "*stain*" in text and "dent" in text


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_classifier_is_told_by_its_worst_class_first(language: Language) -> None:
    _, second, third = said(classification(), language).splitlines()[:3]
    assert second.startswith("- *stain*") and "33.3 %" in second
    assert third.startswith("- *crack*") and "16.7 %" in third


def test_a_class_that_is_never_found_is_said_first() -> None:
    first = said(classification([0] * 4 + [1] * 3, [0] * 7)).splitlines()[0]
    assert first == "**r7** finds no image of *stain* (3 tested)."


@pytest.mark.parametrize(
    ("language", "over", "under"),
    [("en", "overconfident", "underconfident"), ("ko", "지나치게", "낮습니다"), ("zh", "过于自信", "自信不足")],
)
def test_a_summary_says_in_which_direction_the_probabilities_lean(language: Language, over: str, under: str) -> None:
    told = [said(classification(), language, leans=leans) for leans in ("over", "under", None)]
    assert [(over in text, under in text) for text in told] == [(True, False), (False, True), (False, False)]
    assert all("90 %" in text for text in told)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("epoch", [0, 4])
def test_a_summary_says_whether_fine_tuning_helped_with_the_figures(language: Language, epoch: int) -> None:
    text = said(classification(learning=learning(epoch=epoch)), language)
    assert "0.500" in text and ("0.300" if epoch else "0.750") in text and "6" in text
    kept = {"en": "frozen network", "ko": "고정한 네트워크", "zh": "冻结网络"}[language]
    assert (kept in text) == (epoch == 0)


def test_confusions_that_are_not_named_are_counted() -> None:
    assert "more" not in said(classification())
    every = [(of, other) for of in range(3) for other in range(3)]
    text = said(classification([of for of, _ in every], [other for _, other in every], ("a", "b", "c")))
    assert "3 more images were confused, between 3 more pairs of classes" in text


QUESTIONS = ("good", "trust", "overfit", "why", "worst")


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize("make", [detection, classification])
@pytest.mark.parametrize("language", LANGUAGES)
def test_each_question_about_a_result_is_answered_from_its_evidence(
    language: Language, make: Any, question: str
) -> None:
    text = said(make(), language, answer=question)
    assert len(text) > 40 and any(letter.isdigit() for letter in text)


def test_a_model_without_epochs_says_that_losses_cannot_tell_of_overfitting() -> None:
    check = PromiseCheck(held=True, promised=0.05, overkill=0.0, ks_p_value=0.4)
    text = said(detection(promise_check=check), answer="overfit", epochs=())
    assert "cannot be told from losses" in text and "The promise holds" in text and "p 0.4" in text


@pytest.mark.parametrize(
    ("val_losses", "id", "words"),
    [
        ([0.6, 0.4, 0.7], "curve", "rose to 0.700 by the end"),
        ([0.6, 0.5, 0.4], "curve", "it still fell"),
        ([0.6, 0.4, 0.401], "curve", "no clear overfitting"),
        ([None, None, None], "curve", "fewer than two measured a loss"),
    ],
)
def test_a_curve_of_losses_tells_of_overfitting(val_losses: list[Any], id: str, words: str) -> None:
    epochs = [
        Epoch(epoch=at, epochs=3, loss=0.5 / at, val_loss=loss, lr=0.1, best=True)
        for at, loss in enumerate(val_losses, start=1)
    ]
    sentences = {each.id: each.text for each in sentences_of(claims(detection(), epochs=epochs), "en")}
    assert words in sentences[f"r7.{id}"]


def test_what_to_do_next_is_said_with_what_speaks_for_it() -> None:
    unseen = {"mura": OfType(count=8, found=0, missed=8, image_auroc=0.6)}
    told = {
        each.id: each.text
        for each in sentences_of(claims(detection({"mura": (8, 8)}, per_defect_type=unseen, per_size={})), "en")
    }
    assert told["r7.next"].startswith(
        "r7: Next: try 128 px beside 256 px and put both together, because mura is hardly told"
    )
    assert told["r7.next.good_images"].endswith("because 12 set the threshold and an overkill of 5 % takes 19.")
    assert "r7.next.pretrained_weights" not in told


@pytest.mark.parametrize("language", LANGUAGES)
def test_how_long_a_picture_takes_and_what_memory_is_told_with_what_it_was_measured_on(language: Language) -> None:
    cost = SpeedAndMemory(
        ms_per_image=23.456, batch_size=8, device="cpu", threads=2, peak_memory_mb=812.3, model_mb=14.2
    )
    last = said(detection(speed_and_memory=cost), language).splitlines()[-1]
    assert all(each in last for each in ("23.5", "cpu", "8", "2", "812", "14.2"))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("policy", "is_promised"), [("f1_optimal", False), ("escape_rate", False), ("value", True)])
def test_a_threshold_in_force_that_was_not_the_trainings_says_who_chose_it(
    language: Language, policy: Any, is_promised: bool
) -> None:
    told = ThresholdTold(
        image=6.4,
        pixel=6.4,
        policy=policy,
        calibration_images=60 if is_promised else None,
        promised=0.081 if is_promised else None,
    )
    text = said(detection(threshold=told), language)
    assert "6.400" in text and ("8.1 %" in text) == is_promised
