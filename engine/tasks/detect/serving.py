"""A detector at work: each picture judged at the thresholds that it is asked at, which move without loading anything anew."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.backbones import Backbone
from engine.contract.checksums import DamagedFile
from engine.contract.folder import RunFolder
from engine.contract.jobs.detect import DetectJob
from engine.contract.results.detect import DetectResults
from engine.contract.serving import PICTURES, Asked, Ready, TypesKnown
from engine.datasets.loading import Batch
from engine.evaluation.confidence import Curve
from engine.evaluation.explanations import REGIONS_EXPLAINED, Explained, highest_of
from engine.evaluation.heatmaps import Scale, map_scale, overlay, save_map, with_boxes
from engine.evaluation.likely_types import NOT_KEPT, Known, known_types
from engine.evaluation.region_features import backbones_of, computed_once, features_of, read_known
from engine.evaluation.regions import find_regions
from engine.scorer import Scorer
from engine.tasks.place import any_device
from engine.tasks.served import NOT_FINITE, QUALITY, Draw, Judged, entropy

KEPT_MB = 1024  # of a batch's features, between its scores and what explains them
NOT_MEASURED = "the run's figures are not at hand, so no confidence was learnt"


@dataclass(frozen=True)
class ServedDetector:
    """`curve` is the confidence that the run learnt, `scale` its colours. `known` names the likely types of regions; None where it must not, for
    the reason of `types`."""

    scorer: Scorer
    ready: Ready
    curve: Curve | None
    no_confidence: str | None
    scale: Scale | None
    backbones: Sequence[Backbone]
    known: Known | None
    types: TypesKnown

    def judge(self, batch: Batch, asked: Sequence[Asked]) -> list[Judged]:
        """Pictures that are asked at the same thresholds are explained together; for that none goes through a backbone a second time."""
        if not any(each.nearest for each in asked):
            return self._judged(batch, asked)
        with computed_once(self.backbones, memory_mb=KEPT_MB):
            return self._judged(batch, asked)

    def _judged(self, batch: Batch, asked: Sequence[Asked]) -> list[Judged]:
        scores, maps = self.scorer.score(batch)
        chances = self.scorer.p_values(scores)
        told: dict[int, Judged] = {}
        for by, nearest, rows in self._alike(asked, is_finite=np.isfinite(scores) & np.isfinite(maps).all(axis=(1, 2))):
            above, alone = by.is_anomalous(scores[rows]), _of(batch, rows)
            explained = _explained(by, alone, maps[rows], above, nearest=nearest)
            if nearest and self.known is not None:
                explained = self._with_types(self.known, alone, explained)
            for row, is_anomalous, found in zip(rows, above, explained, strict=True):
                facts = self._facts(by, float(scores[row]), None if chances is None else float(chances[row]))
                facts |= {"is_anomalous": bool(is_anomalous), "verdict": "defective" if is_anomalous else "good"}
                facts |= {"regions": found.regions, "highest": found.highest}
                facts |= {"types": self.types} if nearest and found.regions else {}
                told[row] = Judged(facts, self._drawing(batch.pixels(row), maps[row], by, found))
        return [told.get(row, NOT_FINITE) for row in range(len(batch))]

    def _with_types(self, known: Known, batch: Batch, explained: Sequence[Explained]) -> list[Explained]:
        """With the likely types of the strongest regions of each picture."""
        boxes = [(i, region.box) for i, each in enumerate(explained) for region in each.regions[:REGIONS_EXPLAINED]]
        if not boxes:
            return list(explained)
        likely = iter([known.likely(each) for each in features_of(self.backbones[0], batch.images, boxes)])
        return [
            replace(
                each,
                regions=[
                    region.model_copy(update={"likely": next(likely)}) if rank < REGIONS_EXPLAINED else region
                    for rank, region in enumerate(each.regions)
                ],
            )
            for each in explained
        ]

    def _alike(
        self, asked: Sequence[Asked], *, is_finite: NDArray[np.bool_]
    ) -> Iterator[tuple[Scorer, bool, list[int]]]:
        alike: dict[tuple[float | None, float | None, bool], list[int]] = {}
        for row in np.flatnonzero(is_finite).tolist():
            each = asked[row]
            alike.setdefault((each.threshold, each.pixel_threshold, each.nearest), []).append(row)
        for (threshold, pixel, nearest), rows in alike.items():
            is_set = threshold is not None and pixel is not None
            by = replace(self.scorer, threshold=threshold, pixel_threshold=pixel) if is_set else self.scorer
            yield by, nearest, rows

    def _facts(self, by: Scorer, score: float, chance: float | None) -> dict[str, Any]:
        sure = None if self.curve is None else float(self.curve(score))
        return {
            "score": score,
            "threshold": by.threshold,
            "pixel_threshold": by.pixel_threshold,
            "p_value": chance,
            "confidence": sure,
            "no_confidence": self.no_confidence,
            "uncertainty": None if sure is None else entropy([sure, 1 - sure]),
        }

    def _drawing(self, pixels: NDArray[np.uint8], score_map: NDArray[np.float32], by: Scorer, found: Explained) -> Draw:
        limit = by.pixel_threshold
        assert limit is not None
        boxes = [region.box for region in found.regions]
        return lambda stem, which: _draw(stem, which, pixels, score_map, threshold=limit, scale=self.scale, boxes=boxes)


def open_served(folder: RunFolder, *, weights_folder: Path | None, hub: bool) -> ServedDetector:
    """The detector of a finished run.

    Raises:
        ValueError, LookupError: it is damaged, or its weights are not to be had.
    """
    scorer, card = Scorer.load(folder.model, weights_folder=weights_folder, hub=hub)
    job = DetectJob.model_validate(card.spec)
    scorer.model.to(any_device(job.device)).eval()
    results = _measured(folder)
    metrics = None if results is None else results.metrics
    told = None if metrics is None else metrics.confidence
    curve = Curve(told.curve["slope"], told.curve["offset"]) if told is not None and told.curve else None
    why = None if curve is not None else NOT_MEASURED if told is None else told.reason or NOT_MEASURED
    scale = None if metrics is None else metrics.map_scale
    ready = Ready(
        model=job.model.name,
        image_size=job.image_size,
        device=str(scorer.device),
        batch_size=job.batch_size,
        held_out=len(scorer.held_out),
        data=card.data.fingerprint,
        scale=scale,
    )
    backbones = backbones_of(scorer.model)
    known = _known(folder, results) if backbones else None
    types = TypesKnown(reason=NOT_KEPT) if known is None else known.told
    known = None if types.reason is not None else known
    return ServedDetector(scorer, ready, curve, why, scale, backbones, known, types)


def _measured(folder: RunFolder) -> DetectResults | None:
    """What the run measured; none where that is gone or damaged: the model judges without it."""
    try:
        return folder.evaluation.read(DetectResults)
    except (FileNotFoundError, DamagedFile):
        return None


def _known(folder: RunFolder, results: DetectResults | None) -> Known | None:
    """The regions of its test images of known type; none where they are gone or damaged."""
    try:
        found = None if results is None else read_known(folder.evaluation)
    except DamagedFile:
        return None
    if results is None or found is None:
        return None
    features, numbers = found
    rows = {row.index: row for row in results.rows}
    return known_types(features, [rows[number] for number in numbers.tolist()])


def _explained(
    by: Scorer, batch: Batch, maps: NDArray[np.float32], is_anomalous: NDArray[np.bool_], *, nearest: bool
) -> list[Explained]:
    """What the maps (B, H, W) show; without the good patches most like it the model need not look again."""
    if nearest:
        return by.explain(batch, maps, looked_at=is_anomalous)
    assert by.pixel_threshold is not None
    return [Explained(find_regions(each, threshold=by.pixel_threshold), highest_of(each)) for each in maps]


def _of(batch: Batch, rows: list[int]) -> Batch:
    if len(rows) == len(batch):
        return batch
    return Batch(batch.images[rows], batch.labels[rows], None, [batch.names[row] for row in rows])


def _draw(
    stem: str,
    which: Sequence[str],
    pixels: NDArray[np.uint8],
    score_map: NDArray[np.float32],
    *,
    threshold: float,
    scale: Scale | None,
    boxes: Sequence[tuple[int, int, int, int]],
) -> list[str]:
    """In the colours of the run's own heatmaps; without its figures the lowest colour is the map's own lowest score."""
    scale = scale or map_scale(score_map.min(), score_map.max())
    if "heatmap.jpg" in which:
        heat = overlay(pixels, score_map, threshold=threshold, lowest=scale[0])
        Image.fromarray(with_boxes(heat, boxes) if boxes else heat).save(
            f"{stem}heatmap.jpg", quality=QUALITY, subsampling=0
        )
    if "map.png" in which:
        save_map(Path(f"{stem}map.png"), score_map, scale=scale)
    if "picture.jpg" in which:
        Image.fromarray(pixels).save(f"{stem}picture.jpg", quality=QUALITY)
    return [each for each in PICTURES if each in which]
