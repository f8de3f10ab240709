"""What a run measured, read from its folder: figures, scores of each image, and which images to look at.

Everybody who tells of results comes through here, and the run's state is asked first: files that a run left behind which then
failed are no results. Nor are files that were damaged since they were written.
"""

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat

from assistant.frames import HeatmapImage, Which
from assistant.store.tables import ACTIVE, RunRow
from engine.contract.checksums import DamagedFile, read_checked
from engine.contract.events import Finished, last_event
from engine.contract.picture_files import picture_inside

Read = TypeVar("Read")
FINDING: dict[str, Any] = {"image": None, "regions": []}  # of runs from before regions were written


class NoResults(LookupError):
    """The run has no results to tell of. `code` is unfinished, failed, stopped, gone or damaged; the message is the English wording."""

    def __init__(self, code: str, message: str, row: RunRow, *, file: str = ""):
        self.code = code
        self.values = {"run": row.id, "state": row.state, "reason": row.reason, "hint": row.hint, "file": file}
        super().__init__(message)


class Threshold(BaseModel):
    model_config = ConfigDict(extra="allow")

    image: FiniteFloat
    pixel: FiniteFloat


class Metrics(BaseModel):
    """What of `metrics.json` is counted on; the rest is as it stands."""

    model_config = ConfigDict(extra="allow")

    metrics: dict[str, FiniteFloat | None]
    reasons: dict[str, str] = {}
    intervals: dict[str, tuple[FiniteFloat, FiniteFloat] | None] = {}
    threshold: Threshold
    map_scale: tuple[FiniteFloat, FiniteFloat]
    counts: dict[str, int] = {}
    weights: dict[str, Any] = {}
    per_defect_type: dict[str, dict[str, Any]] = {}
    per_size: dict[str, dict[str, Any]] = {}
    synthetic: bool = False


class Row(BaseModel):
    """One row of `scores.csv`."""

    index: int = Field(ge=0)
    name: str
    label: str
    defect_type: str
    score: FiniteFloat
    is_anomalous: bool
    has_truth: bool


class Patch(BaseModel):
    model_config = ConfigDict(extra="allow")

    name: str


class Region(BaseModel):
    model_config = ConfigDict(extra="allow")

    box: tuple[int, int, int, int]
    nearest: list[Patch] | None = None


class FoundImage(BaseModel):
    model_config = ConfigDict(extra="allow")

    score: FiniteFloat


class Found(BaseModel):
    """What of a finding in `regions/` is counted on."""

    image: FoundImage
    regions: list[Region]


@dataclass(frozen=True)
class Results:
    """`metrics` is `evaluation/metrics.json` as it stands; `images` one entry for each row of `scores.csv`."""

    metrics: dict[str, Any]
    images: list[HeatmapImage]

    @property
    def threshold(self) -> float:
        return float(self.metrics["threshold"]["image"])


def evaluation_of(row: RunRow, folder: Path) -> Path:
    """The evaluation in a run's folder, of a run that ended well. A log that ends well is believed before the database has heard of it.

    Raises:
        NoResults: it did not end well, or not yet.
    """
    if row.state == "succeeded" or (row.state == "running" and isinstance(last_event(folder), Finished)):
        return folder / "evaluation"
    if row.state in ACTIVE:
        raise NoResults("unfinished", f"run {row.id} has no results yet: it is {row.state}", row)
    if row.state == "stopped":
        raise NoResults("stopped", f"run {row.id} was stopped: nothing was measured", row)
    raise NoResults("failed", f"run {row.id} has no results: it failed: {row.reason}; {row.hint}", row)


def load(row: RunRow, folder: Path) -> Results:
    """Read the evaluation of a run from its folder.

    Raises:
        NoResults: there is none, or a file of it is damaged.
    """
    evaluation = evaluation_of(row, folder)
    metrics = _read(row, evaluation, "metrics.json", _metrics)
    return Results(metrics, _read(row, evaluation, "scores.csv", _images))


def _read(row: RunRow, evaluation: Path, name: str, parse: Callable[[bytes], Read]) -> Read:
    """A file of the evaluation, whole and understood, or NoResults that names it."""
    try:
        return parse(read_checked(evaluation, name))
    except FileNotFoundError:
        message = f"the results of run {row.id} are gone: there is no {evaluation / name} any more; train again"
        raise NoResults("gone", message, row, file=f"evaluation/{name}") from None
    except (DamagedFile, ValueError, KeyError, csv.Error, RecursionError) as error:
        why = str(error).splitlines()[0]
        message = f"the results of run {row.id} cannot be told: {evaluation / name} is damaged ({why}); train again"
        raise NoResults("damaged", message, row, file=f"evaluation/{name}") from error


def _metrics(content: bytes) -> dict[str, Any]:
    metrics = _json(content)
    Metrics.model_validate(metrics)
    return metrics


def _json(content: bytes) -> dict[str, Any]:
    def refuse(constant: str) -> None:
        raise ValueError(f"{constant} is no figure")

    read = json.loads(content.decode("utf-8"), parse_constant=refuse)
    if not isinstance(read, dict):
        raise ValueError("it is no JSON object")
    return read


def _images(content: bytes) -> list[HeatmapImage]:
    rows = csv.DictReader(io.StringIO(content.decode("utf-8"), newline=""), strict=True)
    missing = Row.model_fields.keys() - (rows.fieldnames or ())
    if missing:
        raise ValueError(f"it lacks the columns {', '.join(sorted(missing))}")
    return [_image(Row.model_validate(row)) for row in rows]


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


def finding(row: RunRow, folder: Path, index: int) -> dict[str, Any]:
    """What was found in one inspected image: `image` with score, p_value and confidence, `regions` strongest first.

    Runs from before regions were written have none: then `image` is null and `regions` empty.

    Raises:
        NoResults: the run has none, or this finding is damaged.
    """
    evaluation, name = evaluation_of(row, folder), f"regions/{index:04d}.json"
    return _read(row, evaluation, name, _finding) if (evaluation / name).exists() else FINDING


def _finding(content: bytes) -> dict[str, Any]:
    found = _json(content)
    Found.model_validate(found)
    return found


def normal_picture(row: RunRow, folder: Path, data: Path, *, index: int, region: int, rank: int) -> Path:
    """The picture learnt from that holds a good patch shown beside a region. Only what the finding itself names is served.

    Raises:
        LookupError: the finding names no such patch, or its picture is no longer in the data set's folder.
    """
    regions = finding(row, folder, index)["regions"]
    nearest = (regions[region].get("nearest") or []) if region < len(regions) else []
    if rank >= len(nearest):
        raise LookupError(f"image {index} of {row.id} has no such good patch")
    path = picture_inside(data, str(nearest[rank]["name"]))
    if path is None:
        raise LookupError(f"the picture {nearest[rank]['name']!r} is not in the data set any more")
    return path


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum()).removesuffix("s")


def _image(row: Row) -> HeatmapImage:
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
            "defect_type": row.defect_type or None,
            "score": row.score,
            "verdict": "defective" if row.is_anomalous else "good",
            "outcome": outcomes.get((row.label, row.is_anomalous), "unknown"),
            "has_truth": row.has_truth,
        }
    )
