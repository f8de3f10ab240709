"""How a finished detector did on some of its test images: the AUROC of its worst defect type, then of all defects."""

from collections.abc import Collection, Sequence
from functools import partial
from pathlib import Path

from assistant.kinds.judging import FEWEST_OF_A_TYPE, Judgement, Tested, auroc
from assistant.runs.results import load
from assistant.store.tables import RunRow
from engine.contract.results.detect import DetectResults, ScoreRow, is_made_up

BY = ("worst_type_auroc", "image_auroc")
GOOD = "good"
FEWEST_OWN = (
    8  # real defects below which made-up ones judge, where there are any: so few tell one model from another by luck
)


def tested(row: RunRow, folder: Path) -> Tested:
    """
    Raises:
        NoResults: the run has not ended well, or its evaluation cannot be read.
    """
    results = load(row, folder, DetectResults)
    own = [each for each in results.rows if each.label == "defective"]
    made_up = [each for each in results.rows if is_made_up(each.label, each.defect_type)]
    judged_by_made_up = bool(made_up) and len(own) < FEWEST_OWN
    rows = [*(each for each in results.rows if each.label == GOOD), *(made_up if judged_by_made_up else own)]
    speed = results.metrics.speed_and_memory
    return Tested(
        {each.name: _type(each) for each in rows},
        frozenset({GOOD}),
        partial(_judged, rows, made_up=judged_by_made_up),
        ms_per_image=speed.ms_per_image if speed is not None else None,
        model_mb=speed.model_mb if speed is not None else None,
    )


def _judged(rows: Sequence[ScoreRow], of: Collection[str] | None, *, made_up: bool = False) -> Judgement:
    seen = [row for row in rows if of is None or row.name in of]
    good = [row for row in seen if row.label == GOOD]
    bad = [row for row in seen if row.label != GOOD]
    of_good = [row.score for row in good]
    by_type: dict[str, list[float]] = {}
    for row in bad:
        by_type.setdefault(_type(row), []).append(row.score)
    measured = {
        name: value
        for name, scores in by_type.items()
        if len(scores) >= FEWEST_OF_A_TYPE and (value := auroc(scores, of_good)) is not None
    }
    worst = min(measured, key=lambda name: measured[name], default=None)
    return Judgement(
        BY,
        worst=measured[worst] if worst is not None else None,
        worst_of=worst,
        mean=auroc([row.score for row in bad], of_good),
        missed=(sum(not row.is_anomalous for row in bad), len(bad)) if bad else None,
        overkill=(sum(row.is_anomalous for row in good), len(good)) if good else None,
        wrong=(sum(row.is_anomalous == (row.label == GOOD) for row in seen), len(seen)) if seen else None,
        made_up=made_up,
    )


def _type(row: ScoreRow) -> str:
    return GOOD if row.label == GOOD else row.defect_type or "defective"
