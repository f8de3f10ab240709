"""Measures a trained model on the test pictures and writes `RUN/evaluation`, all in bounded memory.

Scores are raw, thresholds come from held-out good pictures, and a figure that cannot be measured is null with its reason.
"""

import csv
import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from engine.datasets.loading import Batch, Loader
from engine.heatmaps import map_scale, overlay, save_map, save_mask, save_png
from engine.inspection import Inspection, inspect, with_positions
from engine.metrics import PixelTally, bootstrap_interval, get_metric, per_defect_type, tally
from engine.models import AnomalyModel
from engine.report import Report, Reporter
from engine.thresholds import Threshold, p_values, split_conformal

IMAGE_METRICS = ("image_auroc", "image_aupr", "image_f1_max")
PIXEL_METRICS = ("pixel_auroc", "pixel_aupr")
VERDICT_METRICS = ("recall", "escape_rate", "overkill", "missed", "false_alarms")
WITH_INTERVALS = ("image_auroc", "image_aupr")
WRITERS = 4


@dataclass
class Measures:
    """Metrics by name, and why one is None."""

    metrics: dict[str, float | None] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, counts: Any, *, threshold: float | None = None) -> None:
        measured = get_metric(name, threshold=threshold)(counts)
        self.metrics[name] = measured.value
        if measured.reason:
            self.reasons[name] = measured.reason


@dataclass(frozen=True)
class Calibration:
    """The two thresholds, and the scores of the held-out good pictures they come from."""

    image: Threshold
    pixel: Threshold
    scores: list[float]


def calibrate(model: AnomalyModel, loader: Loader, *, overkill_rate: float, report: Reporter) -> Calibration:
    """Thresholds from good pictures that the model has not seen."""
    found = inspect(model, loader, what="calibrating", report=report)
    return Calibration(
        image=split_conformal(found.scores, overkill_rate=overkill_rate),
        pixel=split_conformal(found.map_highs, overkill_rate=overkill_rate),
        scores=[float(score) for score in found.scores],
    )


def evaluate(
    model: AnomalyModel,
    loader: Loader,
    run: Path,
    *,
    calibration: Calibration,
    seed: int,
    facts: dict[str, Any],
    report: Report,
) -> tuple[Measures, Inspection]:
    """Score the test pictures and write `RUN/evaluation` whole. `facts` (counts, weights, ...) go into metrics.json."""
    folder = run / "evaluation.part"
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("inputs", "maps", "truth", "overlays", "masks"):
        (folder / name).mkdir(parents=True)
    found = inspect(model, loader, what="evaluating", keep_maps_in=folder, report=report)
    scale = map_scale(found.map_lows, found.map_highs)
    pixels = PixelTally(low=scale[0], high=scale[1])
    with ThreadPoolExecutor(WRITERS, thread_name_prefix="write") as pool:
        for start, batch in with_positions(loader):
            count_pixels(pixels, found, start, batch)
            writing = [
                pool.submit(_write, folder, found, start + i, batch, i, scale, calibration) for i in range(len(batch))
            ]
            for written in writing:
                written.result()
            report.check()
    measures = measure(found, loader, pixels=pixels, threshold=calibration.image.value)
    _write_scores(folder / "scores.csv", found, loader, calibration)
    summary = _summary(measures, found, loader, calibration, seed=seed) | {"map_scale": list(scale)} | facts
    (folder / "metrics.json").write_text(json.dumps(summary, indent=1, ensure_ascii=False), encoding="utf-8")
    found.maps = None  # lets go of the scratch file
    shutil.rmtree(run / "evaluation", ignore_errors=True)
    os.replace(folder, run / "evaluation")
    return measures, found


def measure(
    found: Inspection,
    loader: Loader,
    *,
    pixels: PixelTally | None = None,
    threshold: float | None = None,
    images: bool = True,
) -> Measures:
    """Metrics of an inspection of `loader`: of images, of the pixels counted, of the verdicts at a threshold."""
    measures = Measures()
    counts = tally(found.scores, found.labels)
    for name in IMAGE_METRICS if images else ():
        measures.add(name, counts)
    for name in VERDICT_METRICS if threshold is not None else ():
        measures.add(name, counts, threshold=threshold)
    if pixels is not None:
        pixel_counts, masked = pixels.tally(), any(item.mask for item in loader.items)
        for name in PIXEL_METRICS:
            measures.add(name, pixel_counts)
            if measures.metrics[name] is None and 1 in found.labels and not masked:
                measures.reasons[name] = "the defective images have no masks: where a defect lies is not known"
    return measures


def count_pixels(pixels: PixelTally, found: Inspection, start: int, batch: Batch) -> None:
    """Count the maps of a batch whose truth is known: a mask, or a good image, on which nothing is marked."""
    assert found.maps is not None and batch.has_truth is not None
    known = np.flatnonzero(batch.has_truth.numpy())
    if len(known) == 0:
        return
    maps = found.maps[start + known]
    pixels.add(maps, np.zeros_like(maps) if batch.masks is None else batch.masks.squeeze(1).numpy()[known])


def _write(
    folder: Path,
    found: Inspection,
    index: int,
    batch: Batch,
    position: int,
    scale: tuple[float, float],
    by: Calibration,
) -> None:
    """The pictures of one test image: `position` in its batch, `index` in the evaluation."""
    assert found.maps is not None
    name, score_map = f"{index:04d}", found.maps[index]
    pixels = (batch.images[position].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)  # (H, W, 3)
    Image.fromarray(pixels).save(folder / "inputs" / f"{name}.jpg", quality=92)
    save_map(folder / "maps" / f"{name}.png", score_map, scale=scale)
    save_mask(folder / "masks" / f"{name}.png", score_map > by.pixel.value)
    heat = overlay(pixels, score_map, threshold=by.pixel.value, lowest=scale[0])
    save_png(folder / "overlays" / f"{name}.png", heat)
    if batch.has_truth is not None and batch.has_truth[position] and batch.masks is not None:
        save_mask(folder / "truth" / f"{name}.png", batch.masks[position, 0].numpy())


def _write_scores(path: Path, found: Inspection, loader: Loader, by: Calibration) -> None:
    p = p_values(found.scores, by.scores)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["index", "name", "label", "defect_type", "score", "is_anomalous", "p_value", "has_truth"])
        for index, item in enumerate(loader.items):
            score = float(found.scores[index])
            row = [
                index,
                item.name,
                item.label,
                item.defect_type or "",
                score,
                int(score > by.image.value),
                float(p[index]),
            ]
            writer.writerow([*row, int(item.mask is not None)])


def _summary(measures: Measures, found: Inspection, loader: Loader, by: Calibration, *, seed: int) -> dict[str, Any]:
    intervals = {
        name: bootstrap_interval(get_metric(name), found.scores, found.labels, seed=seed)
        for name in WITH_INTERVALS
        if measures.metrics[name] is not None
    }
    types = [item.defect_type for item in loader.items]
    return {
        "metrics": measures.metrics,
        "reasons": measures.reasons,
        "intervals": {name: list(interval) for name, interval in intervals.items() if interval},
        "per_defect_type": per_defect_type(found.scores, found.labels, types, threshold=by.image.value),
        "threshold": {
            "image": by.image.value,
            "pixel": by.pixel.value,
            "policy": "split-conformal",
            "overkill_rate": by.image.overkill_rate,
            "calibration_images": by.image.calibration_images,
            "smallest_promise": by.image.smallest_promise,
            "promised": by.image.promised,
            "images_needed": by.image.images_needed,
        },
    }
