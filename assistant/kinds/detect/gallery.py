"""Which inspected images of a detector are shown, with their heatmaps, and which come first."""

from pathlib import Path
from typing import Any

from assistant.frames import HeatmapImage, HeatmapsItem
from assistant.kinds.names_of_types import type_like
from assistant.runs.results import load
from assistant.store.tables import RunRow
from engine.contract.results.detect import DetectResults, ScoreRow

GALLERIES = {
    "telling": "missed defects, then false alarms, then those nearest to the threshold",
    "missed": "defects below the threshold",
    "false_alarms": "good images above the threshold",
    "wrong": "both of these",
    "nearest": "nearest to the threshold first: the most ambiguous ones",
    "worst": "highest scores first",
    "all": "every image, highest scores first",
}
WRONG = ("missed", "false_alarm")


def gallery(
    row: RunRow, folder: Path, *, which: str | None = None, defect_type: str | None = None, count: int
) -> HeatmapsItem:
    """The images that fit, the most telling first.

    Raises:
        NoResults: the run has not ended well, or its evaluation cannot be read.
        LookupError: there is no such gallery, or no image has that defect type.
    """
    results, which = load(row, folder, DetectResults), which or next(iter(GALLERIES))
    meant = defect_type_like(results, defect_type) if defect_type is not None else None
    images = fitting(results, which=which, defect_type=meant)
    return HeatmapsItem(
        run=row.id,
        which=which,
        defect_type=meant,
        threshold=results.metrics.threshold.image,
        total=len(images),
        images=images[:count],
    )


def fitting(results: DetectResults, *, which: str = "telling", defect_type: str | None = None) -> list[HeatmapImage]:
    """The images that fit, the most telling first.

    missed are the defective ones below the threshold, lowest first; false_alarms the good ones above it, highest first; wrong the one
    and then the other; telling these and then all others, the nearest to the threshold first. So a gallery never begins with hits alone.
    The page orders by the same rules (web/static/js/kinds/detect/maths.js), while its threshold moves.

    Raises:
        LookupError: there is no such gallery, or no image has that defect type.
    """
    if which not in GALLERIES:
        raise LookupError(f"no images of the sort {which!r} (have: {', '.join(GALLERIES)})")
    images = images_of(results)
    if defect_type is not None:
        wanted = defect_type_like(results, defect_type)
        images = [image for image in images if image.defect_type == wanted]
    highest_first = sorted(images, key=lambda image: image.score, reverse=True)
    if which in ("worst", "all"):
        return highest_first
    threshold = results.metrics.threshold.image
    nearest_first = sorted(images, key=lambda image: abs(image.score - threshold))
    if which == "nearest":
        return nearest_first
    missed = sorted((image for image in images if image.outcome == "missed"), key=lambda image: image.score)
    false_alarms = [image for image in highest_first if image.outcome == "false_alarm"]
    rest = [image for image in nearest_first if image.outcome not in WRONG]
    shown = {
        "missed": missed,
        "false_alarms": false_alarms,
        "wrong": missed + false_alarms,
        "telling": missed + false_alarms + rest,
    }
    return shown[which]


def defect_type_like(results: DetectResults, asked: str) -> str:
    """The defect type of these results that is meant, as they spell it.

    Raises:
        LookupError: there is none like it.
    """
    return type_like((row.defect_type for row in results.rows if row.defect_type), asked)


def images_of(results: DetectResults) -> list[HeatmapImage]:
    """One entry for each inspected image, with what became of it."""
    return [_image(row) for row in results.rows]


def _image(row: ScoreRow) -> HeatmapImage:
    outcomes: dict[tuple[str, bool], Any] = {
        ("good", False): "correct_good",
        ("good", True): "false_alarm",
        ("defective", True): "hit",
        ("defective", False): "missed",
    }
    return HeatmapImage.model_validate(
        {
            "index": row.index,
            "name": row.name,
            "label": row.label,
            "defect_type": row.defect_type,
            "score": row.score,
            "verdict": "defective" if row.is_anomalous else "good",
            "outcome": outcomes.get((row.label, row.is_anomalous), "unknown"),
            "has_truth": row.has_truth,
        }
    )
