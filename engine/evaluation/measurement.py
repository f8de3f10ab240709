"""All that is measured of an inspection: figures with their reasons and intervals, by defect type, by size, by overkill.

The formulas stand in engine/evaluation/metrics.py, the counting of pixels and regions in engine/evaluation/pixel_counts.py, the intervals in
engine/evaluation/intervals.py. Here they are put together for `evaluation/metrics.json`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from engine.contract.results.detect import DetectMetrics, Threshold, is_made_up
from engine.contract.shares import Interval, bootstrap_ratio, hull, proportion_interval
from engine.contract.thresholds import DEFECT_RATE, cost_based, f1_optimal, promise, told
from engine.contract.verdicts import VERDICTS
from engine.datasets import Item
from engine.datasets.loading import LABELS, Loader
from engine.evaluation.calibration import Calibration
from engine.evaluation.confidence import Confidence
from engine.evaluation.inspection import Inspection
from engine.evaluation.intervals import auroc_interval, bootstrap_interval, bootstrap_pixels
from engine.evaluation.metrics import (
    OVERKILLS,
    Tally,
    get_metric,
    per_defect_type,
    tally,
    threshold_at_overkill,
)
from engine.evaluation.pixel_counts import PixelTally, RegionTally

RECALLS = tuple(f"recall_at_{percent}_overkill" for percent in OVERKILLS)
IMAGE_METRICS = ("image_auroc", "image_aupr", "image_f1_max", *RECALLS)
WORST_TYPE = "worst_type_auroc"  # a mean hides a type that is not seen at all
PIXEL_METRICS = ("pixel_auroc", "pixel_aupr", "pixel_f1_max", "aupro_30", "aupro_05")
PIXELS_WITH_INTERVALS = ("pixel_auroc", "pixel_aupr", "aupro_30", "aupro_05")
ORACLES = ("image_f1_max", "pixel_f1_max")  # the best of all thresholds, which only labels can choose
NO_MASKS = "the defective images have no masks: where a defect lies is not known"


@dataclass
class Measures:
    """Metrics by name, and why one is None."""

    metrics: dict[str, float | None] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, counts: Tally, *, threshold: float | None = None) -> None:
        measured = get_metric(name, threshold=threshold)(counts)
        self.put(name, measured.value, measured.reason)

    def put(self, name: str, value: float | None, reason: str | None) -> None:
        self.metrics[name] = value
        if value is None and reason:
            self.reasons[name] = reason


def measure(
    found: Inspection,
    loader: Loader,
    *,
    pixels: PixelTally | None = None,
    regions: RegionTally | None = None,
    threshold: float | None = None,
    images: bool = True,
) -> Measures:
    """Metrics of an inspection of `loader`: of images, of the pixels and regions counted, of the verdicts at a threshold."""
    measures = Measures()
    counts = tally(found.scores, found.labels)
    for name in IMAGE_METRICS if images else ():
        measures.add(name, counts)
    if images:
        measures.put(WORST_TYPE, *_worst_type(found, loader.items))
    for name in VERDICTS if threshold is not None else ():
        measures.add(name, counts, threshold=threshold)
    unmasked = 1 in found.labels and not any(item.mask for item in loader.items)
    if pixels is not None:
        pixel_counts = pixels.tally()
        for name in PIXEL_METRICS:
            measures.add(name, pixel_counts)
            if measures.metrics[name] is None and unmasked:
                measures.reasons[name] = NO_MASKS
    if regions is not None:
        (hit, total), good = map(sum, regions.by_picture()), regions.good_pictures
        reason = NO_MASKS if unmasked else "no region is marked as defective"
        measures.put("region_recall", hit / total if total else None, reason)
        reason = "there are no good images to test with"
        measures.put("false_regions_per_good", regions.false_regions / good if good else None, reason)
    return measures


def summarise(
    measures: Measures,
    found: Inspection,
    items: Sequence[Item],
    calibration: Calibration,
    confidence: Confidence,
    *,
    pixels: PixelTally,
    regions: RegionTally,
    escape_cost: float,
    seed: int,
    map_scale: tuple[float, float],
    facts: Mapping[str, Any],
) -> DetectMetrics:
    """All figures of a run with their reasons; `facts` are those that were not measured (counts, weights, synthetic).

    What follows from verdicts is still to be told of them (engine/contract/verdicts.py).
    """
    intervals, notes = _intervals(measures, found, items, pixels, regions, seed)
    threshold, types = calibration.image.value, [item.defect_type for item in items]
    figures = {
        "metrics": measures.metrics,
        "reasons": measures.reasons,
        "intervals": {name: list(interval) for name, interval in intervals.items()},
        "interval_notes": notes,
        "per_defect_type": per_defect_type(found.scores, found.labels, types, threshold=threshold),
        "at_overkill": _at_overkill(found, items, intervals),
        "oracle": _oracle(measures, found, escape_cost),
        "confidence": _confidence(confidence),
        "tolerance": _tolerance(pixels),
        "promise_check": {"ks_p_value": _unlike(found, calibration)},
        **_on_synthetic(found, items, threshold),
        "threshold": told(calibration.image, pixel=calibration.pixel.value),
        "map_scale": map_scale,
        "seed": seed,
    }
    return DetectMetrics.model_validate(figures | dict(facts))


def _worst_type(found: Inspection, items: Sequence[Item]) -> tuple[float | None, str | None]:
    """The lowest image AUROC of any defect type against all good images, or why there is none."""
    types = per_defect_type(found.scores, found.labels, [item.defect_type for item in items], threshold=0.0)
    if not types:
        return None, "there are no defective images to test with"
    if set(types) == {""}:
        return None, "the data set does not tell types of defects apart"
    if 0 not in found.labels:
        return None, "there are no good images to test with"
    return min(each["image_auroc"] for each in types.values()), None


def _intervals(
    measures: Measures,
    found: Inspection,
    items: Sequence[Item],
    pixels: PixelTally,
    regions: RegionTally,
    seed: int,
) -> tuple[dict[str, Interval], dict[str, str]]:
    """95 % intervals by metric, but of verdicts, and why one that was measured has none."""
    groups = [item.group for item in items] if any(item.group for item in items) else None
    counts = tally(found.scores, found.labels)
    good, defective = int(counts.good.sum()), int(counts.defective.sum())

    def drawn(name: str) -> Interval | None:
        return bootstrap_interval(get_metric(name), found.scores, found.labels, seed=seed, groups=groups)

    intervals: dict[str, Interval | None] = {}
    auroc = measures.metrics["image_auroc"]
    intervals["image_auroc"] = hull(
        drawn("image_auroc"), None if auroc is None else auroc_interval(auroc, good, defective)
    )
    intervals["image_aupr"] = drawn("image_aupr")
    for name in RECALLS:
        recall = measures.metrics[name]
        exact = None if recall is None else proportion_interval(round(recall * defective), defective)
        intervals[name] = hull(exact, drawn(name))  # the threshold too hangs on which good images there were
    hit, parts = regions.by_picture()
    intervals["region_recall"] = hull(proportion_interval(sum(hit), sum(parts)), bootstrap_ratio(hit, parts, seed=seed))
    per_map = pixels.per_map()
    counted = [item.group for item in items if item.mask or item.label == "good"] if groups else None
    for name in PIXELS_WITH_INTERVALS:
        value = measures.metrics[name]
        if value is not None and per_map is not None:
            intervals[name] = bootstrap_pixels(get_metric(name), per_map, exact=value, seed=seed, groups=counted)
    notes = {
        name: "the images are too few, or each resample gives the same figure: how sure it is cannot be told"
        for name, interval in intervals.items()
        if measures.metrics[name] is not None and (interval is None or interval[0] == interval[1])
    }
    known = {
        name: interval
        for name, interval in intervals.items()
        if interval is not None and name not in notes and measures.metrics[name] is not None
    }
    return known, notes


def _on_synthetic(found: Inspection, items: Sequence[Item], threshold: float) -> dict[str, Any]:
    """What is found of the made-up defects, against the good test images."""
    types = [item.defect_type if is_made_up(item.label, item.defect_type) else None for item in items]
    made_up = np.array([each is not None for each in types])
    if not made_up.any():
        return {}
    labels = np.where(
        made_up, LABELS["defective"], np.where(found.labels == LABELS["good"], LABELS["good"], LABELS["unknown"])
    )
    of_type = per_defect_type(found.scores, labels, types, threshold=threshold)
    counts = tally(found.scores, labels)
    auroc, good, count = get_metric("image_auroc")(counts).value, int(counts.good.sum()), int(made_up.sum())
    hits = sum(each["found"] for each in of_type.values())
    told = {"count": count, "found": hits, "missed": count - hits, "image_auroc": auroc, "per_defect_type": of_type}
    return {"on_synthetic": told | {"interval": None if auroc is None else auroc_interval(auroc, good, count)}}


def _at_overkill(found: Inspection, items: Sequence[Item], intervals: dict[str, Interval]) -> dict[str, dict[str, Any]]:
    """What is found at the threshold that lets 0, 1 or 5 % of the good test images fail: chosen on the test data."""
    counts = tally(found.scores, found.labels)
    types = [item.defect_type for item in items]
    reached: dict[str, dict[str, Any]] = {}
    for percent in OVERKILLS:
        threshold = threshold_at_overkill(counts, overkill=percent / 100)
        if threshold is None:
            continue
        by_type = per_defect_type(found.scores, found.labels, types, threshold=threshold)
        name = f"recall_at_{percent}_overkill"
        reached[str(percent)] = {
            "threshold": threshold,
            "recall": get_metric(name)(counts).value,
            "interval": intervals.get(name),
            "overkill": get_metric("overkill", threshold=threshold)(counts).value,
            "false_alarms": int(get_metric("false_alarms", threshold=threshold)(counts).value or 0),
            "chosen_on": "the good test images",
            "per_defect_type": {type_: each["found"] / each["count"] for type_, each in by_type.items()},
        }
    return reached


def _oracle(measures: Measures, found: Inspection, escape_cost: float) -> dict[str, Any]:
    """Figures and thresholds that labels of the test data chose: better than what a line will see."""
    oracle: dict[str, Any] = {name: measures.metrics.get(name) for name in ORACLES}
    if not {0, 1} <= set(found.labels.tolist()):
        return oracle
    oracle["f1_optimal"] = _reached(f1_optimal(found.scores, found.labels), found)
    by_cost = cost_based(found.scores, found.labels, escape_cost=escape_cost, defect_rate=DEFECT_RATE)
    oracle["cost_based"] = _reached(by_cost, found) | {"escape_cost": escape_cost, "defect_rate": DEFECT_RATE}
    return oracle


def _reached(threshold: Threshold, found: Inspection) -> dict[str, Any]:
    counts = tally(found.scores, found.labels)
    names = ("recall", "overkill", "missed", "false_alarms")
    return {"threshold": threshold.value, "promise": promise(threshold)} | {
        name: get_metric(name, threshold=threshold.value)(counts).value for name in names
    }


def _confidence(confidence: Confidence) -> dict[str, Any]:
    if confidence.values is None or confidence.curve is None:
        return {"reason": confidence.reason}
    return {
        "ece": confidence.ece,
        "brier": confidence.brier,
        "brier_of_share": confidence.brier_of_share,
        "images": confidence.images,
        "folds": confidence.folds,
        "curve": {"slope": confidence.curve.slope, "offset": confidence.curve.offset},
    }


def _unlike(found: Inspection, calibration: Calibration) -> float | None:
    """How rarely the scores of the good test images would differ so from those that set the threshold, were they alike (two samples of
    Kolmogorov and Smirnov); None where there are no such images."""
    from scipy.stats import ks_2samp  # not before a run's end: it takes a second to load

    tested = found.scores[found.labels == 0]
    return float(ks_2samp(calibration.scores, tested).pvalue) if len(tested) else None


def _tolerance(pixels: PixelTally) -> dict[str, float]:
    """How far the pixel figures by bins can lie from the exact ones."""
    if not pixels.regions:
        return {}
    return {
        "pixel_auroc": pixels.tolerance(),
        "aupro_30": pixels.aupro_tolerance(0.3),
        "aupro_05": pixels.aupro_tolerance(0.05),
    }
