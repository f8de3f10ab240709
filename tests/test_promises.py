"""What a threshold promises is one figure: plan, warning, model card, summary and page say the same rate."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from assistant.frames import Estimate, Notice
from assistant.kinds import kind_of
from assistant.settings import Settings
from assistant.store.tables import RunRow
from engine.contract.data import DataFacts
from engine.contract.events import Warned, read_events
from engine.contract.jobs import make_job
from engine.contract.jobs.detect import DetectJob
from engine.contract.policy import percent, share_out
from engine.contract.results.detect import ThresholdTold
from engine.contract.thresholds import promise
from engine.evaluation.calibration import Calibration, calibration_from
from engine.report import Report
from engine.tasks.detect.calibrating import warn_of_few_good
from tests.data_facts import stored_facts
from tests.stored_runs import measured, write_evaluation

OF_THRESHOLD = ("percentile", "few_good", "leave_one_out")
CASES = [
    (policy, good, rate)
    for policy in ("split_conformal", "leave_one_out", "percentile")
    for good in (12, 60, 500)
    for rate in (0.0025, 0.0125, 0.05)
]


def plan_of(policy: str, good: int, rate: float) -> tuple[DetectJob, DataFacts]:
    settings = {"threshold_policy": policy, "overkill_rate": rate, "weights": "random"}
    job = make_job("detect", "d", "padim", settings)
    assert isinstance(job, DetectJob)
    return job, stored_facts(train_good=good, test_good=10)


def calibration_of(job: DetectJob, good: int) -> Calibration:
    """Of as many good pictures as the plan says."""
    shared = share_out(job, good=good, has_own_test=True)
    scores = np.linspace(1, 2, shared.threshold)
    return calibration_from(scores, scores, overkill_rate=job.overkill_rate, policy=shared.policy, folds=shared.folds)


def planned_of(job: DetectJob, facts: DataFacts, home: Path) -> dict[str, Notice]:
    """What the plan's card says of the threshold."""
    estimate = Estimate(seconds=1.0, basis=0)
    notices = kind_of(job.kind).notices(Settings(home=home, hub="off"), job, chosen={}, facts=facts, estimate=estimate)
    return {notice.code: notice for notice in notices if notice.code in OF_THRESHOLD}


def told_of(job: DetectJob, threshold: ThresholdTold, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the summary and the page say of a finished run's threshold."""
    results = measured()
    write_evaluation(
        folder, results.model_copy(update={"metrics": results.metrics.model_copy(update={"threshold": threshold})})
    )
    kind, row = kind_of(job.kind), RunRow(id=folder.name, state="succeeded", spec=job.model_dump(mode="json"))
    return kind.facts(row, folder)["threshold"]["said"], kind.results(row, folder)["metrics"]["threshold"]["said"]


@pytest.mark.parametrize(("policy", "good", "rate"), CASES)
def test_plan_warning_card_summary_and_page_say_the_same(tmp_path: Path, policy: str, good: int, rate: float) -> None:
    job, facts = plan_of(policy, good, rate)
    calibration = calibration_of(job, good)
    told = {name: value for name, value in calibration.image.facts().items() if name != "value"}
    told["promise"] = promise(calibration.image)
    said, shown = told_of(job, ThresholdTold(**told, image=1.0, pixel=1.0), tmp_path / "r1")
    assert said == shown == calibration.image.promise.said()
    planned = planned_of(job, facts, tmp_path)
    report = Report(tmp_path)
    warn_of_few_good(calibration, report)
    report.log.close()
    warned = [event for event in read_events(tmp_path) if isinstance(event, Warned)]
    assert said["rate"] == 100 * rate == pytest.approx(float(re.findall(r"([\d.]+) %", told["promise"])[-1]))
    if policy == "percentile":
        assert (said["promised"], list(planned), warned) == (None, ["percentile"], [])
        return
    assert f"{said['promised']} %" in told["promise"]
    assert ("few_good" in planned) == (not said["enough"]) == bool(warned)
    for notice in [*planned.values(), *warned]:
        assert notice.values["promised"] == said["promised"]
        assert f"{said['promised']} %" in notice.message
        assert notice.values["calibration"] == said["count"]
    for notice in [planned["few_good"], *warned] if warned else []:
        assert (notice.values["overkill"], notice.values["needed"]) == (said["rate"], said["needed"])


@pytest.mark.parametrize("share", [0.0025, 0.0125, 1 / 13, 1 / 3, 1.0])
def test_a_share_in_percent_keeps_three_digits(share: float) -> None:
    assert percent(share) == pytest.approx(100 * share, rel=0.005)
    assert isinstance(percent(share), int) == (share == 1.0)
