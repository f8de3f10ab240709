"""What is told of a finished classification, and which of its images come first."""

from pathlib import Path

import numpy as np
import pytest

from assistant.kinds import kind_of
from assistant.kinds.classify.telling import confidence_of
from assistant.kinds.summary import run_facts
from assistant.store.tables import RunRow
from assistant.telling.runs import sentences_of_run
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from engine.contract.results import WeightsUsed
from engine.contract.results.classify import ClassifyMetrics, ClassifyResults, ClassRow
from engine.tasks.classify.measurement import measure

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


def test_what_it_measured_is_told_in_sentences(run: tuple[RunRow, Path]) -> None:
    told = {each.id: each.text for each in sentences_of_run(*run, "en")}
    assert told["r1.balanced_accuracy"].startswith("**r1** (ResNet on tile) tells 2 classes apart")
    assert (
        told["r1.confidence"]
        == "r1: It says 77 % on average and is right in 75 %: so few images cannot tell which way it leans."
    )


def test_most_confused_classes_are_facts(run: tuple[RunRow, Path]) -> None:
    facts = run_facts(*run)
    assert facts["most_confused"] == [
        {"of": "stain", "taken_for": "crack", "count": 2},
        {"of": "crack", "taken_for": "stain", "count": 1},
    ]
    assert facts["confusion"] == [[5, 1], [2, 4]]
