"""What is told of a finished classification, and which of its images come first."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from assistant.kinds import kind_of
from assistant.kinds.classify.telling import confidence_of
from assistant.kinds.summary import run_facts, word
from assistant.store.tables import RunRow
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from engine.contract.results import WeightsUsed
from engine.contract.results.classify import ClassifyMetrics, ClassifyResults, ClassRow
from engine.tasks.classify.measurement import measure
from prompts.languages import Language

CLASSES = ["crack", "stain"]
TRUE = [0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]
CALLED = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0]
SURE = [0.9, 0.8, 0.7, 0.95, 0.6, 0.55, 0.9, 0.8, 0.7, 0.65, 0.99, 0.7]


@pytest.fixture
def run(tmp_path: Path) -> tuple[RunRow, Path]:
    said = np.array(
        [[sure if called == label else 1 - sure for label in (0, 1)] for called, sure in zip(CALLED, SURE, strict=True)]
    )
    metrics = ClassifyMetrics(
        **measure(said, np.array(TRUE), CLASSES, groups=[None] * 12, seed=0),
        temperature=1.0,
        counts={"fit": 40, "validation": 12, "test": 12, "classes": 2, "unused": 0, "broken": 0},
        left_out={"dent": 2},
        weights=WeightsUsed(backbone="resnet18", source="random"),
    )
    rows = [
        ClassRow.model_validate(
            {
                "index": i,
                "name": f"{CLASSES[true]}/{i}.png",
                "class": CLASSES[true],
                "predicted": CLASSES[called],
                "probability": sure,
                "correct": true == called,
            }
        )
        for i, (true, called, sure) in enumerate(zip(TRUE, CALLED, SURE, strict=True))
    ]
    folder = tmp_path / "r1"
    evaluation = RunFolder(folder).evaluation
    evaluation.path.mkdir(parents=True)
    evaluation.write(ClassifyResults(metrics=metrics, rows=rows))
    evaluation.seal()
    job = make_job("classify", "tile", "resnet", {})
    row = RunRow(
        id="r1",
        number=1,
        kind="classify",
        subject="resnet",
        dataset="tile",
        spec=job.model_dump(mode="json"),
        state="succeeded",
        metrics=metrics.metrics,
        worked_s=95.0,
    )
    return row, folder


@pytest.mark.parametrize("language", get_args(Language))
def test_a_summary_says_how_good_it_is_beside_guessing_and_what_is_taken_for_what(
    run: tuple[RunRow, Path], language: Language
) -> None:
    told = word(run_facts(*run), language)
    assert "75 %" in told and "50 %" in told  # balanced accuracy, guessing
    assert "*crack*" in told and "*stain*" in told and "dent" in told
    assert "resnet18" in told  # its weights were random


@pytest.mark.parametrize("language", get_args(Language))
def test_a_summary_names_the_worst_class_first_with_its_recall(run: tuple[RunRow, Path], language: Language) -> None:
    told = word(run_facts(*run), language)
    assert told.index("***stain***") < told.index("66.7 %") < told.index("75 %")  # before how good it is on the whole
    assert told.count("*crack*") == 3  # as a class that is missed too, and in two confusions


def evaluated(stated: float, right: int, *, of: int = 200) -> ClassifyResults:
    """So many test images, of which so many are classed right, each with the same stated probability."""
    said = np.tile([stated, 1 - stated], (of, 1))
    labels = np.array([0] * right + [1] * (of - right))
    rows = [
        ClassRow.model_validate(
            {"index": i, "name": f"{i}.png", "class": CLASSES[label], "predicted": "crack", "probability": stated, "correct": label == 0}
        )
        for i, label in enumerate(labels)
    ]  # fmt: skip
    return ClassifyResults(
        metrics=ClassifyMetrics(**measure(said, labels, CLASSES, groups=[None] * of, seed=0), temperature=1.0),
        rows=rows,
    )


def test_over_and_underconfidence_are_told_apart_where_the_images_suffice() -> None:
    told = [confidence_of(evaluated(stated, 160)) for stated in (0.95, 0.6, 0.82)]
    assert [each and each["leans"] for each in told] == ["over", "under", None]
    few = confidence_of(evaluated(0.95, 8, of=10))
    assert few is not None and few["leans"] is None  # eight of ten may well be 95 %


@pytest.mark.parametrize(
    ("language", "leans", "said"),
    [
        ("en", "over", "overconfident"),
        ("en", "under", "underconfident"),
        ("ko", "over", "지나치게"),
        ("ko", "under", "낮습니다"),
        ("zh", "over", "过于自信"),
        ("zh", "under", "自信不足"),
    ],
)
def test_a_summary_says_in_which_direction_the_probabilities_lean(
    run: tuple[RunRow, Path], language: Language, leans: str, said: str
) -> None:
    facts = run_facts(*run)
    told = word(facts | {"confidence": {"stated": 0.9, "right": 0.75, "leans": leans}}, language)
    assert said in told and "90 %" in told


@pytest.mark.parametrize("language", get_args(Language))
@pytest.mark.parametrize("epoch", [0, 4])
def test_a_summary_says_whether_fine_tuning_helped_with_the_figures(
    run: tuple[RunRow, Path], language: Language, epoch: int
) -> None:
    learning = {
        "epoch": epoch,
        "epochs": 6,
        "val_loss": 0.3 if epoch else 0.5,
        "val_loss_before": 0.5,
        "best_val_loss": 0.3 if epoch else 0.75,
        "head_fitted": True,
    }
    told = word(run_facts(*run) | {"learning": learning}, language)
    assert "0.500" in told and ("0.300" if epoch else "0.750") in told and "6" in told
    kept = {"en": "frozen network", "ko": "고정한 네트워크", "zh": "冻结网络"}[language]
    assert (kept in told) == (epoch == 0)


def test_confusions_that_are_not_named_are_counted(run: tuple[RunRow, Path]) -> None:
    facts = run_facts(*run)
    assert facts["further_confused"] == {"pairs": 0, "images": 0}
    assert "more" not in word(facts, "en")
    assert "5 more images were confused, between 4 more pairs of classes" in word(
        facts | {"further_confused": {"pairs": 4, "images": 5}}, "en"
    )


def test_images_classed_wrongly_come_first_the_surest_of_them_first(run: tuple[RunRow, Path]) -> None:
    shown = kind_of("classify").gallery(*run, count=5)
    assert [image.index for image in shown.images] == [10, 11, 5, 4, 9]
    assert (shown.task, shown.which, shown.total) == ("classify", "worst", 12)
    assert [image.outcome for image in shown.images[:4]] == ["wrong_class", "wrong_class", "wrong_class", "right_class"]


def test_of_the_wrong_ones_those_of_a_class_can_be_asked_for(run: tuple[RunRow, Path]) -> None:
    shown = kind_of("classify").gallery(*run, which="wrong", defect_type="Cracks", count=5)
    assert [(image.label, image.verdict) for image in shown.images] == [("crack", "stain")]
    with pytest.raises(LookupError, match="have: crack, stain"):
        kind_of("classify").gallery(*run, defect_type="dent", count=5)


def test_most_confused_classes_are_facts(run: tuple[RunRow, Path]) -> None:
    facts = run_facts(*run)
    assert facts["most_confused"] == [
        {"of": "stain", "taken_for": "crack", "count": 2},
        {"of": "crack", "taken_for": "stain", "count": 1},
    ]
    assert facts["confusion"] == [[5, 1], [2, 4]]
