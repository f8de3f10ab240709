"""A finished detection with pictures, made in a moment and of any size: what a page of results is tried on without a training."""

import asyncio
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from assistant.settings import Settings
from assistant.workspace import Workspace
from engine.contract.events import Evaluation, EventLog, Finished, Started
from engine.contract.folder import EvaluationFolder
from engine.contract.jobs import make_job
from engine.contract.results.detect import DetectResults, HeldOut, Highest, OfType, ScoreRow, ThresholdTold
from engine.contract.thresholds import set_threshold, told
from engine.contract.verdicts import judged
from engine.evaluation.heatmaps import save_map
from engine.png import save_mask
from tests.stored_runs import METRICS, card, finding, measured, write_evaluation, write_model

SIDE = 64  # pixels of a picture
SCALE = (0.0, 12.0)  # of the maps; an image scores what its map has at the highest
SHADES = 48  # different maps at most: images that score alike share theirs
GOOD_AT, BAD_AT = (20, 20), (40, 44)  # where the map of a good and of a defective image peaks, x and y


@dataclass(frozen=True)
class Inspected:
    """An image of the run: good without a defect type."""

    score: float
    defect_type: str | None = None


def a_run_to_look_at(home: Path, images: Sequence[Inspected], held_out: Sequence[float]) -> str:
    """The id of a run in this home whose threshold the held-out scores of good images set at an overkill of 5 %."""
    with ThreadPoolExecutor(1) as aside:  # Playwright keeps an event loop in the thread of a browser test
        return aside.submit(asyncio.run, _finished(home, images, held_out)).result()


async def _finished(home: Path, images: Sequence[Inspected], held_out: Sequence[float]) -> str:
    results = _results(images, held_out)
    metrics = results.metrics.metrics
    async with Workspace.open(Settings(home=home)) as workspace:
        job = make_job("detect", "panels", "patchcore")
        row = await workspace.runs.add(job, data_path=str(home))
        folder = workspace.runs.folder(row.id)
        log = EventLog(folder)
        log.append(Started(model="patchcore", dataset="panels"))
        log.append(Evaluation(metrics=metrics, reasons={}))
        log.append(Finished(metrics=metrics, seconds={"total": 1.0}))
        log.close()
        evaluation = write_evaluation(folder, results)
        _draw(evaluation, results.rows)
        scores = list(held_out)
        kept = HeldOut(scores=scores, map_highs=scores)
        write_model(folder, card(job).model_copy(update={"calibration": kept}))
        await workspace.runs.claim_one(row.id)
        await workspace.runs.end(row.id, "succeeded", metrics=metrics)
        return row.id


def _results(images: Sequence[Inspected], held_out: Sequence[float]) -> DetectResults:
    threshold = set_threshold(list(held_out), overkill_rate=0.05, policy="split_conformal")
    at: ThresholdTold = told(threshold, pixel=threshold.value)
    rows = [_row(index, image) for index, image in enumerate(images)]
    kinds = sorted({row.defect_type for row in rows if row.defect_type})
    counts = {kind: sum(row.defect_type == kind for row in rows) for kind in kinds}
    types = {kind: OfType(count=count, found=0, missed=count, image_auroc=0.5) for kind, count in counts.items()}
    written = measured(
        rows, metrics={**METRICS, "recall": 0.0, "escape_rate": 0.0, "overkill": 0.0, "region_recall": 0.0}
    )
    changes = {"per_defect_type": types, "map_scale": SCALE, "seed": 0}
    return judged(written.model_copy(update={"metrics": written.metrics.model_copy(update=changes)}), at)


def _row(index: int, image: Inspected) -> ScoreRow:
    area = None if image.defect_type is None else 0.02
    return ScoreRow(
        index=index,
        name=f"test/{image.defect_type or 'good'}/{index:05d}.png",
        label="good" if image.defect_type is None else "defective",
        defect_type=image.defect_type,
        score=image.score,
        is_anomalous=False,
        has_truth=image.defect_type is not None,
        map_high=image.score,
        defect_area=area,
        true_regions=() if area is None else ((area, image.score),),
    )


def _draw(evaluation: EvaluationFolder, rows: Sequence[ScoreRow]) -> None:
    """Their pictures, maps and true defects, and what was found in the first few; the same picture is one file of several names."""
    for what in ("inputs", "maps", "truth"):
        evaluation.pictures(what).mkdir(parents=True, exist_ok=True)
    first: dict[tuple[str, object], Path] = {}

    def put(what: str, index: int, sort: object) -> Path | None:
        path = evaluation.picture(what, index)
        if (what, sort) in first:
            os.link(first[what, sort], path)
            return None
        first[what, sort] = path
        return path

    dark = np.random.default_rng(0).integers(12, 60, (SIDE, SIDE, 3), dtype=np.uint8)
    for row in rows:
        at = GOOD_AT if row.defect_type is None else BAD_AT
        if path := put("inputs", row.index, ""):
            Image.fromarray(dark).save(path)
        if path := put("maps", row.index, (at, round(SHADES * row.score / SCALE[1]))):
            save_map(path, row.score * _bump(at), scale=SCALE)
        if row.has_truth and (path := put("truth", row.index, "")):
            save_mask(path, _bump(BAD_AT) > 0.7)
        if row.index < 100:
            found = finding(row)
            image = found.image.model_copy(update={"highest": Highest(x=at[0], y=at[1], score=row.score, nearest=None)})
            evaluation.write_finding(row.index, found.model_copy(update={"image": image, "regions": []}))


def _bump(at: tuple[int, int]) -> np.ndarray:
    y, x = np.mgrid[:SIDE, :SIDE]
    return np.exp(-((x - at[0]) ** 2 + (y - at[1]) ** 2) / 60)
