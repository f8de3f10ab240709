"""What a detection measured, at one threshold: verdicts and all that follows from them, without a model and without its maps.

The engine writes its evaluation by these rules, and who moves a threshold later reads it by the same ones. What cannot be told
again from the rows that were kept is null, with the reason: never what it was at another threshold. Loads no torch.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from engine.contract.policy import Promise
from engine.contract.results import Results
from engine.contract.results.detect import (
    DetectMetrics,
    DetectResults,
    OfSize,
    OfType,
    OnSynthetic,
    PromiseCheck,
    ScoreRow,
    ThresholdTold,
)
from engine.contract.shares import (
    DEFECTIVE,
    GOOD,
    Interval,
    bootstrap_ratio,
    hull,
    proportion_interval,
    share_interval,
)
from engine.contract.thresholds import expected_overkill

SIZES = {"tiny": 0.001, "small": 0.01, "medium": 0.05, "large": 1.0}  # largest share of the picture that is still so
LABELS = {"good": GOOD, "defective": DEFECTIVE}
VERDICTS = ("recall", "escape_rate", "overkill", "missed", "false_alarms")
OF_REGIONS = ("region_recall", "false_regions_per_good")
NOT_KEPT = (
    "this run, of an older version, did not keep what it takes to tell it at another threshold; train again for it"
)
NEEDS_MAPS = "it takes the maps to count false regions at another threshold than that of the training"

AnyResultsT = TypeVar("AnyResultsT", bound=Results[Any, Any])
ResultsT = TypeVar("ResultsT", bound=DetectResults)


def at_facts(results: AnyResultsT, threshold: dict[str, Any]) -> AnyResultsT:
    """Results of a kind that has a threshold, at another one: the facts of a `ThresholdTold`."""
    assert isinstance(results, DetectResults), f"{type(results).__name__} are judged by no threshold"
    return results_at(results, ThresholdTold.model_validate(threshold))


def results_at(results: ResultsT, threshold: ThresholdTold) -> ResultsT:
    """The same results at another threshold; at their own they are as they were written."""
    return results if threshold == results.metrics.threshold else judged(results, threshold)


def judged(results: ResultsT, threshold: ThresholdTold) -> ResultsT:
    """Results whose verdicts, and whatever follows from these, are those of the threshold."""
    rows = [_judged(row, threshold.image) for row in results.rows]
    return results.model_copy(update={"metrics": metrics_at(results, threshold), "rows": rows})


def metrics_at(results: DetectResults, threshold: ThresholdTold) -> DetectMetrics:
    """The figures alone; those that follow from no verdict stay: over all thresholds, confidence, and what regions show at a pixel
    threshold that is still the same."""
    written, rows = results.metrics, results.rows
    labels = np.array([LABELS.get(row.label, -1) for row in rows], dtype=np.int64)
    above = np.array([row.score for row in rows], dtype=np.float64) > threshold.image
    figures = _Figures(
        dict(written.metrics), dict(written.reasons), dict(written.intervals), dict(written.interval_notes)
    )
    figures.forget(*VERDICTS)
    figures.count(above, labels, groups=[row.group for row in rows], seed=written.seed)
    if threshold.pixel != written.threshold.pixel:
        figures.forget(*OF_REGIONS)
        figures.count_regions(rows, labels, threshold.pixel, seed=written.seed)
    per_size = _by_size(rows, above, pixel_threshold=threshold.pixel) if written.seed is not None else {}
    if written.per_size and not per_size:
        figures.reasons["per_size"] = NOT_KEPT
    metrics = written.model_copy(
        update={
            "metrics": figures.metrics,
            "reasons": figures.reasons,
            "intervals": figures.intervals,
            "interval_notes": figures.notes,
            "threshold": threshold,
            "per_defect_type": _by_type(rows, above, written.per_defect_type, label="defective"),
            "per_size": per_size,
            "promise_check": _promise_check(results, threshold, figures, good=int((labels == GOOD).sum())),
        }
    )
    if written.on_synthetic is not None:
        metrics = metrics.model_copy(update={"on_synthetic": _on_made_up(rows, above, written.on_synthetic)})
    return metrics


def _by_size(rows: Sequence[ScoreRow], above: NDArray[np.bool_], *, pixel_threshold: float) -> dict[str, OfSize]:
    """Images by their whole marked area, regions by their own, by name; sizes without either are left out."""
    areas = _sizes_of([row.defect_area for row in rows if row.defect_area is not None])
    found = above[[row.defect_area is not None for row in rows]]
    parts = np.array([part for row in rows for part in row.true_regions], dtype=np.float64).reshape(-1, 2)
    of_parts, hit = _sizes_of(parts[:, 0]), parts[:, 1] > pixel_threshold
    sizes: dict[str, OfSize] = {}
    lowest = 0.0
    for number, (size, limit) in enumerate(SIZES.items()):
        images, regions = int((areas == number).sum()), int((of_parts == number).sum())
        images_found, regions_hit = int(found[areas == number].sum()), int(hit[of_parts == number].sum())
        if images or regions:
            sizes[size] = OfSize.model_validate(
                {
                    "from": lowest,
                    "to": limit,
                    "images": images,
                    "found": images_found,
                    "missed": images - images_found,
                    "recall": images_found / images if images else None,
                    "recall_interval": proportion_interval(images_found, images),
                    "regions": regions,
                    "regions_hit": regions_hit,
                    "region_recall": regions_hit / regions if regions else None,
                }
            )
        lowest = limit
    return sizes


def size_of(share: float) -> str:
    """The name in SIZES for an area, given as its share of the picture (above 0, at most 1)."""
    return list(SIZES)[int(_sizes_of([share])[0])]


def _sizes_of(shares: ArrayLike) -> NDArray[np.int64]:
    """The place in SIZES of each share (N,); a limit belongs to the size above it, but for the whole picture."""
    limits = list(SIZES.values())[:-1]
    return np.searchsorted(limits, np.asarray(shares, dtype=np.float64), side="right")


class _Figures:
    """Metrics by name, why one is null, how sure they are, and why that is not known."""

    def __init__(
        self,
        metrics: dict[str, float | None],
        reasons: dict[str, str],
        intervals: dict[str, Interval | None],
        notes: dict[str, str],
    ):
        self.metrics, self.reasons, self.intervals, self.notes = metrics, reasons, intervals, notes

    def forget(self, *names: str) -> None:
        for name in names:
            for each in (self.reasons, self.intervals, self.notes):
                each.pop(name, None)

    def put(self, name: str, value: float | None, reason: str) -> None:
        self.metrics[name] = value
        if value is None:
            self.reasons[name] = reason

    def count(
        self, above: NDArray[np.bool_], labels: NDArray[np.int64], *, groups: list[str | None], seed: int | None
    ) -> None:
        """The verdicts (N,), and how sure their shares are."""
        for names, label in ((("recall", "escape_rate", "missed"), DEFECTIVE), (("overkill", "false_alarms"), GOOD)):
            of = labels == label
            called, total = int((above & of).sum()), int(of.sum())
            reason = f"there are no {'good' if label == GOOD else 'defective'} images to test with"
            value = {"missed": float(total - called), "false_alarms": float(called)}
            if total:
                value |= {"recall": called / total, "escape_rate": 1 - called / total, "overkill": called / total}
            for name in names:
                self.put(name, value.get(name) if total else None, reason)
            for name in {"recall", "escape_rate", "overkill"}.intersection(names) if total else ():
                counted = ~above if name == "escape_rate" else above
                if seed is None:
                    self.notes[name] = NOT_KEPT
                else:
                    of_groups = groups if any(groups) else None
                    self.intervals[name] = share_interval(counted, of, labels, groups=of_groups, seed=seed)

    def count_regions(
        self, rows: Sequence[ScoreRow], labels: NDArray[np.int64], pixel_threshold: float, *, seed: int | None
    ) -> None:
        """How many true regions are hit. False ones are known to be none where no good picture has such a score."""
        peaks = [[peak for _, peak in row.true_regions] for row in rows if row.true_regions]
        hit, total = [sum(peak > pixel_threshold for peak in each) for each in peaks], [len(each) for each in peaks]
        if self.metrics.get("region_recall") is not None:
            self.put("region_recall", sum(hit) / sum(total) if total else None, NOT_KEPT)
            if total and seed is not None:
                self.intervals["region_recall"] = hull(
                    proportion_interval(sum(hit), sum(total)), bootstrap_ratio(hit, total, seed=seed)
                )
        if self.metrics.get("false_regions_per_good") is not None:
            highs = [row.map_high for row, label in zip(rows, labels, strict=True) if label == GOOD]
            is_none = all(high is not None and high <= pixel_threshold for high in highs)
            self.put("false_regions_per_good", 0.0 if is_none else None, NEEDS_MAPS)


def _judged(row: ScoreRow, threshold: float) -> ScoreRow:
    is_anomalous = row.score > threshold
    return row if row.is_anomalous == is_anomalous else row.model_copy(update={"is_anomalous": is_anomalous})


def _on_made_up(rows: Sequence[ScoreRow], above: NDArray[np.bool_], written: OnSynthetic) -> OnSynthetic:
    """How many of the made-up defects are found, whose label is unknown."""
    of_type = _by_type(rows, above, written.per_defect_type, label="unknown")
    found = sum(each.found for each in of_type.values())
    return written.model_copy(update={"found": found, "missed": written.count - found, "per_defect_type": of_type})


def _by_type(
    rows: Sequence[ScoreRow], above: NDArray[np.bool_], written: dict[str, OfType], *, label: str
) -> dict[str, OfType]:
    """Of each type how many are found; its AUROC hangs on no threshold."""
    found = dict.fromkeys(written, 0)
    for row, is_anomalous in zip(rows, above.tolist(), strict=True):
        if is_anomalous and row.label == label and (row.defect_type or "") in found:
            found[row.defect_type or ""] += 1
    return {
        name: each.model_copy(
            update={
                "found": found[name],
                "missed": each.count - found[name],
                "recall_interval": proportion_interval(found[name], each.count),
            }
        )
        for name, each in written.items()
    }


def _promise_check(results: DetectResults, threshold: ThresholdTold, figures: _Figures, *, good: int) -> PromiseCheck:
    """Whether the good test images keep what the threshold promised.

    `held` is False where the overkill lies above `expected`, the range in which it lies 95 times of 100 when the promise
    is kept, and its own interval (wide where pictures are of few panels) above the promise. A small `ks_p_value` says the same of all
    their scores, at every threshold. `chance`: of at least so many false alarms, were the promise just kept.
    """
    overkill, interval = figures.metrics["overkill"], figures.intervals.get("overkill")
    expected = expected_overkill(threshold, images=good)
    if threshold.promised is None:
        return PromiseCheck(held=None, reason="the threshold promises nothing")
    if overkill is None or expected is None:
        return PromiseCheck(held=None, reason="there are no good images to test with")
    if interval is None:
        return PromiseCheck(held=None, reason=NOT_KEPT)
    told: dict[str, Any] = {
        "held": overkill <= expected[1] or interval[0] <= threshold.promised,
        "promised": threshold.promised,
        "overkill": overkill,
        "expected": expected,
        "interval": interval,
        "chance": _promise_of(threshold).chance_of(round(overkill * good), of=good),
    }
    ks_p_value = results.metrics.promise_check.ks_p_value
    return PromiseCheck.model_validate(told if ks_p_value is None else told | {"ks_p_value": ks_p_value})


def _promise_of(threshold: ThresholdTold) -> Promise:
    assert threshold.calibration_images is not None and threshold.promised is not None
    policy, rate = threshold.policy or "split_conformal", threshold.overkill_rate
    return Promise(policy, threshold.calibration_images, rate or threshold.promised, threshold.promised)
