"""What a finished run measured, read from its folder: figures, scores of each image, and which images to look at."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from assistant.frames import HeatmapImage, Which
from engine.picture_files import SUFFIXES


class NoResults(LookupError):
    """The run has no evaluation (yet)."""


@dataclass(frozen=True)
class Results:
    """`metrics` is `evaluation/metrics.json` as it stands; `images` one entry for each row of `scores.csv`."""

    metrics: dict[str, Any]
    images: list[HeatmapImage]

    @property
    def threshold(self) -> float:
        return float(self.metrics["threshold"]["image"])


def load(run: Path) -> Results:
    """Read the evaluation of a run folder.

    Raises:
        NoResults: the run has not been evaluated.
    """
    folder = run / "evaluation"
    try:
        metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
        with (folder / "scores.csv").open(encoding="utf-8", newline="") as file:
            images = [_image(row) for row in csv.DictReader(file)]
    except FileNotFoundError:
        raise NoResults(f"run {run.name} has no results: it has not finished its evaluation") from None
    return Results(metrics, images)


def gallery(
    results: Results, *, which: Which = "worst", defect_type: str | None = None, count: int | None = None
) -> tuple[list[HeatmapImage], int]:
    """The images that fit, the most telling first, and how many there are in all.

    worst are the highest scores; missed the defective ones below the threshold, lowest first; false_alarms the good ones above it.

    Raises:
        LookupError: no image has that defect type.
    """
    images = results.images
    if defect_type is not None:
        wanted = defect_type_like(results, defect_type)
        images = [image for image in images if image.defect_type == wanted]
    assert which in get_args(Which), which
    outcome = {"missed": "missed", "false_alarms": "false_alarm"}.get(which)
    fitting = [image for image in images if outcome is None or image.outcome == outcome]
    fitting.sort(key=lambda image: image.score, reverse=which != "missed")
    return fitting[:count], len(fitting)


def defect_type_like(results: Results, asked: str) -> str:
    """The defect type of these results that is meant, as they spell it.

    Raises:
        LookupError: there is none like it.
    """
    types = sorted({image.defect_type for image in results.images if image.defect_type})
    wanted = next((each for each in types if _plain(each) == _plain(asked)), None) or next(
        (each for each in types if _plain(asked) in _plain(each) or _plain(each) in _plain(asked)), None
    )
    if wanted is None:
        raise LookupError(f"no images of defect type {asked!r} (have: {', '.join(types) or 'none'})")
    return wanted


def finding(run: Path, index: int) -> dict[str, Any]:
    """What was found in one inspected image: `image` with score, p_value and confidence, `regions` strongest first.

    Runs from before regions were written have none: then `image` is null and `regions` empty.
    """
    try:
        found: dict[str, Any] = json.loads((run / "evaluation" / "regions" / f"{index:04d}.json").read_text("utf-8"))
    except FileNotFoundError:
        return {"image": None, "regions": []}
    return found


def normal_picture(run: Path, data: Path, *, index: int, region: int, rank: int) -> Path:
    """The picture learnt from that holds a good patch shown beside a region. Only what the finding itself names is served.

    Raises:
        LookupError: the finding names no such patch, or its picture is no longer in the data set's folder.
    """
    regions = finding(run, index)["regions"]
    nearest = (regions[region].get("nearest") or []) if region < len(regions) else []
    if rank >= len(nearest):
        raise LookupError(f"image {index} of {run.name} has no such good patch")
    root = data.resolve()
    path = (root / str(nearest[rank]["name"])).resolve()
    if not path.is_relative_to(root) or path.suffix.lower() not in SUFFIXES or not path.is_file():
        raise LookupError(f"the picture {nearest[rank]['name']!r} is not in the data set any more")
    return path


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum()).removesuffix("s")


def _image(row: dict[str, str]) -> HeatmapImage:
    anomalous = row["is_anomalous"].lower() in ("1", "true")
    label = row["label"]
    outcomes: dict[tuple[str, bool], Any] = {
        ("good", False): "correct_good",
        ("good", True): "false_alarm",
        ("defective", True): "hit",
        ("defective", False): "missed",
    }
    return HeatmapImage.model_validate(
        {
            "index": int(row["index"]),
            "name": row["name"],
            "label": label,
            "defect_type": row["defect_type"] or None,
            "score": float(row["score"]),
            "verdict": "defective" if anomalous else "good",
            "outcome": outcomes.get((label, anomalous), "unknown"),
            "has_truth": row["has_truth"].lower() in ("1", "true"),
        }
    )
