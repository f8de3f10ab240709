"""Results at another threshold: as the engine would have written them at it, and null where what was kept cannot tell."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.contract.folder import RunFolder
from engine.contract.policy import percent
from engine.contract.results.detect import DetectResults, ThresholdTold
from engine.contract.verdicts import NOT_KEPT, VERDICTS, judged, results_at
from engine.datasets.loading import Loader
from engine.evaluation.calibration import Calibration, calibration_from
from engine.report import Report
from engine.scorer import Scorer
from engine.tasks.detect.evaluation import evaluate
from tests.engine.samples import items_of, write_mvtec
from tests.engine.tasks.detect.test_evaluation import Contrast
from tests.stored_home import FINISHED, STORED


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> "Measured":
    return Measured(tmp_path_factory.mktemp("measured"))


class Measured:
    """Pictures of five panels, some defects as faint as good pictures, evaluated at whatever threshold is asked for."""

    def __init__(self, path: Path):
        data = write_mvtec(path / "data", train=24, good=10, defective=10)
        self.path, self.times = path, 0
        self.items = [replace(item, group=f"panel {i % 5}") for i, item in enumerate(items_of(data, split="test"))]
        model, report = Contrast(), Report(self._new())
        held_out = Scorer(model).inspect(self._loader(items_of(data, split="train")), what="calibrating", report=report)
        report.log.close()
        self.calibration = calibration_from(held_out.scores, held_out.map_highs, overkill_rate=0.1)

    def at(self, image: float | None = None, pixel: float | None = None) -> DetectResults:
        by = self.calibration
        by = Calibration(
            image=by.image if image is None else by.image.model_copy(update={"value": image}),
            pixel=by.pixel if pixel is None else by.pixel.model_copy(update={"value": pixel}),
            scores=by.scores,
            map_highs=by.map_highs,
        )
        report, folder = Report(self._new()), RunFolder(self.path / f"run{self.times}")
        scorer = Scorer(Contrast()).calibrated(by)
        evaluate(scorer, self._loader(self.items), folder.evaluation, calibration=by, seed=3, facts={}, report=report)
        report.log.close()
        return folder.evaluation.read(DetectResults)

    def _new(self) -> Path:
        self.times += 1
        run = self.path / f"run{self.times}"
        run.mkdir()
        return run

    @staticmethod
    def _loader(items) -> Loader:
        return Loader(items, image_size=64, batch_size=4)


def test_at_another_threshold_results_are_what_the_engine_writes_at_it(measured: Measured) -> None:
    scores = sorted(row.score for row in measured.at().rows)
    image, pixel = float(np.mean(scores[4:6])), float(np.mean(scores[12:14]))
    then = measured.at(image, pixel)
    now = results_at(measured.at(), then.metrics.threshold)
    assert [row.is_anomalous for row in now.rows] == [row.score > image for row in now.rows]
    assert {row.is_anomalous for row in now.rows} == {True, False}
    assert now.rows == then.rows
    assert now.metrics.metrics.keys() == then.metrics.metrics.keys()
    for name in ("per_defect_type", "per_size", "promise_check", "threshold", "intervals"):
        assert getattr(now.metrics, name) == getattr(then.metrics, name), name
    told = {name: value for name, value in now.metrics.metrics.items() if name != "false_regions_per_good"}
    assert told == {name: then.metrics.metrics[name] for name in told}
    assert 0 < told["region_recall"] < 1


def test_at_its_own_threshold_everything_is_as_it_was_written(measured: Measured) -> None:
    written = measured.at()
    assert judged(written, written.metrics.threshold) == written


def test_panels_widen_the_intervals_of_verdicts_at_every_threshold(measured: Measured) -> None:
    written = measured.at()
    alone = written.model_copy(update={"rows": [row.model_copy(update={"group": None}) for row in written.rows]})
    other = written.metrics.threshold.model_copy(
        update={"image": float(np.median([row.score for row in written.rows]))}
    )
    wide, narrow = (results_at(each, other).metrics.intervals["overkill"] for each in (written, alone))
    assert wide[0] <= narrow[0] and wide[1] >= narrow[1]


def test_false_regions_that_only_the_maps_could_tell_are_null_with_the_reason(measured: Measured) -> None:
    written = measured.at()
    highs = [row.map_high for row in written.rows if row.label == "good"]
    told = written.metrics.threshold
    some = results_at(written, told.model_copy(update={"pixel": min(highs)})).metrics
    assert some.metrics["false_regions_per_good"] is None
    assert "maps" in some.reasons["false_regions_per_good"]
    assert (
        results_at(written, told.model_copy(update={"pixel": max(highs)})).metrics.metrics["false_regions_per_good"]
        == 0
    )


@pytest.fixture(scope="module")
def released() -> DetectResults:
    return RunFolder(STORED / "home/runs" / FINISHED).evaluation.read(DetectResults)


def test_a_run_of_a_released_version_is_as_it_was_written_at_its_own_threshold(released: DetectResults) -> None:
    assert results_at(released, released.metrics.threshold) is released
    again = judged(released, released.metrics.threshold)
    assert (again.rows, again.metrics.metrics) == (released.rows, released.metrics.metrics)
    assert again.metrics.per_defect_type == released.metrics.per_defect_type


@given(at=st.floats(0, 1))
@settings(max_examples=30, deadline=None)
def test_what_a_released_version_did_not_keep_is_null_and_never_stale(released: DetectResults, at: float) -> None:
    scores = [row.score for row in released.rows]
    image = min(scores) + at * (max(scores) - min(scores))
    threshold = ThresholdTold(image=image, pixel=released.metrics.threshold.pixel)
    told = results_at(released, threshold)
    missed = [row.name for row in told.rows if row.label == "defective" and row.score <= image]
    alarms = [row.name for row in told.rows if row.label == "good" and row.score > image]
    assert (told.metrics.metrics["missed"], told.metrics.metrics["false_alarms"]) == (len(missed), len(alarms))
    assert sum(each.missed for each in told.metrics.per_defect_type.values()) == len(missed)
    assert (
        told.metrics.metrics["region_recall"] == released.metrics.metrics["region_recall"]
    )  # the pixel threshold is the same
    assert not told.metrics.per_size and told.metrics.reasons["per_size"] == NOT_KEPT
    assert not set(VERDICTS) & told.metrics.intervals.keys()
    assert told.metrics.interval_notes["overkill"] == NOT_KEPT


def test_without_good_or_without_defective_images_verdicts_are_null_with_the_reason(released: DetectResults) -> None:
    for label, name, other in (("good", "recall", "overkill"), ("defective", "overkill", "recall")):
        rows = [row for row in released.rows if row.label == label]
        told = judged(released.model_copy(update={"rows": rows}), released.metrics.threshold).metrics
        assert told.metrics[name] is None and told.reasons[name].startswith("there are no ")
        assert told.metrics[other] is not None and percent(told.metrics[other]) >= 0
