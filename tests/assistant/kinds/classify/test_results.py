"""What is told of a finished classification, and which of its images come first."""

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from assistant.kinds import kind_of
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
