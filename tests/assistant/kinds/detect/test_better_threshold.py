"""Where scores separate, another threshold is proposed with what it would miss and cost; nothing is proposed where they do not."""

from pathlib import Path
from typing import Any, cast

import pytest

from assistant.kinds.claims import About, Claim
from assistant.kinds.detect.better_threshold import better_threshold
from engine.contract.jobs import make_job
from engine.contract.jobs.detect import DetectJob
from engine.contract.results.detect import DetectMetrics, DetectResults, HeldOut, ScoreRow, ThresholdTold
from prompts.figures import Figure
from tests import stored_runs
from tests.told_runs import of_type

HELD_OUT = [each / 10 for each in range(1, 101)]  # 0.1 to 10.0: at 5 % overkill the threshold is 9.6, at 10 % 9.1


def claims(folder: Path, *, defective: list[float], auroc: float = 0.95, with_model: bool = True) -> list[Claim]:
    """Of a run whose defects score so at the threshold of 1 % overkill, 10.0."""
    scores = [("good", each) for each in (1.0, 2.0, 9.4)] + [("defective", each) for each in defective]
    rows = [
        ScoreRow(index=i, name=f"{i}.png", label=label, score=score, is_anomalous=score > 10, has_truth=False, defect_type=None if label == "good" else "line")
        for i, (label, score) in enumerate(scores)
    ]  # fmt: skip
    missed = sum(each <= 10 for each in defective)
    metrics = DetectMetrics(
        metrics={"missed": float(missed), "false_alarms": 0.0},
        threshold=ThresholdTold(image=10.0, pixel=10.0, overkill_rate=0.01, calibration_images=100, promised=0.0099),
        map_scale=(0.0, 1.0),
        per_defect_type={"line": of_type(missed, len(defective), auroc)},
    )
    stored_runs.write_evaluation(folder, DetectResults(metrics=metrics, rows=rows))
    if with_model:
        card = stored_runs.card(cast(DetectJob, make_job("detect", "oled", "patchcore")))
        stored_runs.write_model(folder, card.model_copy(update={"calibration": HeldOut(scores=HELD_OUT)}))
    return list(better_threshold(About("r7", "detect"), metrics, folder))


def figures(claim: Claim) -> dict[str, Any]:
    return {name: each.value for name, each in claim.values.items() if isinstance(each, Figure)}


def test_the_lowest_rate_that_halves_what_is_missed_is_proposed_with_what_it_costs(tmp_path: Path) -> None:
    (claim,) = claims(tmp_path, defective=[9.75, 9.75, 9.75, 9.3, 12.0])
    assert figures(claim) == {"rate": 0.05, "missed": 4, "fewer": 1, "alarms": 0, "more": 0, "good": 3}
    assert claim.offers[0].arguments == {"run": "r7", "overkill_rate": 0.05}


@pytest.mark.parametrize(
    "of",
    [
        {"defective": [9.75, 9.75, 12.0], "auroc": 0.7},  # the scores do not separate
        {"defective": [5.0, 5.0, 9.75, 12.0]},  # no rate finds them at a sensible price
        {"defective": [11.0, 12.0]},  # nothing is missed
        {"defective": [9.75, 9.75, 12.0], "with_model": False},  # too little was kept
    ],
)
def test_nothing_is_proposed_where_no_threshold_would_help(tmp_path: Path, of: dict[str, Any]) -> None:
    assert claims(tmp_path, **of) == []
