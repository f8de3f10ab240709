"""Measures a trained model on the test pictures and writes its evaluation, all in bounded memory.

Scores are raw, thresholds come from held-out good pictures, and a figure that cannot be measured is null with its reason.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.contract.folder import EvaluationFolder
from engine.contract.plain_files import whole_folder
from engine.contract.results.detect import DetectResults, Finding, FoundImage, ScoreRow
from engine.contract.verdicts import judged
from engine.datasets.loading import LABELS, Batch, Loader
from engine.evaluation.calibration import Calibration
from engine.evaluation.confidence import Confidence, cross_fit
from engine.evaluation.explanations import Explained
from engine.evaluation.heatmaps import map_scale, save_pictures
from engine.evaluation.inspection import Inspection, count_pixels, with_positions
from engine.evaluation.measurement import Measures, measure, summarise
from engine.evaluation.pixel_counts import PixelTally, RegionTally
from engine.evaluation.region_features import KnownRegions, backbones_of, computed_once
from engine.evaluation.speed_and_memory import measure_speed_and_memory
from engine.png import save_mask
from engine.report import Report
from engine.scorer import Scorer

WRITERS = 4
KEPT_MB = 512  # of a batch's features, between what explains its regions and what keeps them
UNCOMMON = 0.2  # of good pictures only those that score as the highest fifth does are looked at again: time is for what may be wrong


def evaluate(
    scorer: Scorer,
    loader: Loader,
    into: EvaluationFolder,
    *,
    calibration: Calibration,
    seed: int,
    facts: dict[str, Any],
    report: Report,
    escape_cost: float = 10.0,
) -> tuple[Measures, Inspection]:
    """Score the test pictures and write the evaluation whole. `facts` (counts, weights, ...) go into metrics.json.

    Args:
        escape_cost: overkilled good images that one missed defect is worth, for the cost-based threshold shown beside.
    """
    with whole_folder(into.path) as aside:
        folder = EvaluationFolder(aside)
        for pictures in DetectResults.pictures:
            folder.pictures(pictures).mkdir()
        folder.findings.mkdir()
        found = scorer.inspect(loader, what="evaluating", keep_maps_in=aside, report=report)
        scale = map_scale(found.map_lows, found.map_highs)
        assert found.maps is not None
        pixels = PixelTally.for_maps(found.maps, found.map_lows, found.map_highs, per_map=True)
        regions = RegionTally(calibration.pixel.value)
        chances = scorer.p_values(found.scores)
        assert chances is not None
        groups = [item.group for item in loader.items]
        confidence = cross_fit(found.scores, found.labels, seed=seed, groups=groups)
        backbones, known = backbones_of(scorer.model), KnownRegions(scorer.model)
        with ThreadPoolExecutor(WRITERS, thread_name_prefix="write") as pool:
            for start, batch in with_positions(loader):
                count_pixels(pixels, found, start, batch, regions=regions)
                maps = found.maps[start : start + len(batch)]
                stands_out = chances[start : start + len(batch)] <= UNCOMMON
                looked_at = stands_out | (batch.labels.numpy() != LABELS["good"])
                with computed_once(backbones, memory_mb=KEPT_MB):
                    explained = scorer.explain(batch, maps, looked_at=looked_at)
                    items = loader.items[start : start + len(batch)]
                    known.add(start, batch, items, [each.regions for each in explained])
                writing = [
                    pool.submit(_write, folder, found, start + i, batch, i, scale, calibration)
                    for i in range(len(batch))
                ]
                for i, each in enumerate(explained):
                    finding = _finding(found, start + i, calibration, confidence, chances, each)
                    folder.write_finding(start + i, finding)
                for written in writing:
                    written.result()
                report.check()
        measures = measure(found, loader, pixels=pixels, regions=regions, threshold=calibration.image.value)
        figures = summarise(
            measures, found, loader.items, calibration, confidence, pixels=pixels, regions=regions, escape_cost=escape_cost,
            seed=seed, map_scale=scale, facts=facts | {"speed_and_memory": measure_speed_and_memory(found.took, scorer.model)},
        )  # fmt: skip
        rows = _rows(found, loader, scorer, confidence, regions)
        folder.write(judged(DetectResults(metrics=figures, rows=rows), figures.threshold))
        known.save(folder)
        folder.seal()
        found.maps = None  # lets go of the scratch file
    return measures, found


def _write(
    folder: EvaluationFolder,
    found: Inspection,
    index: int,
    batch: Batch,
    position: int,
    scale: tuple[float, float],
    by: Calibration,
) -> None:
    """The pictures of one test image: `position` in its batch, `index` in the evaluation."""
    assert found.maps is not None
    pixels = batch.pixels(position)
    Image.fromarray(pixels).save(folder.picture("inputs", index), quality=92)
    save_pictures(
        pixels,
        found.maps[index],
        threshold=by.pixel.value,
        scale=scale,
        map_to=folder.picture("maps", index),
        mask_to=folder.picture("masks", index),
        heat_to=folder.picture("overlays", index),
    )
    if batch.has_truth is not None and batch.has_truth[position] and batch.masks is not None:
        save_mask(folder.picture("truth", index), batch.masks[position, 0].numpy())


def _finding(
    found: Inspection,
    index: int,
    by: Calibration,
    confidence: Confidence,
    chances: NDArray[np.float64],
    explained: Explained,
) -> Finding:
    verdict = FoundImage.judged(
        found.names[index],
        score=float(found.scores[index]),
        threshold=by.image.value,
        pixel_threshold=by.pixel.value,
        p_value=float(chances[index]),
        confidence=None if confidence.values is None else float(confidence.values[index]),
        highest=explained.highest,
    )
    return Finding(image=verdict, regions=explained.regions)


def _rows(
    found: Inspection, loader: Loader, by: Scorer, confidence: Confidence, regions: RegionTally
) -> list[ScoreRow]:
    """One for each test image; `confidence` is empty where there were no labels to learn it from."""
    chances, verdicts = by.p_values(found.scores), by.is_anomalous(found.scores)
    assert chances is not None
    return [
        ScoreRow(
            index=index,
            name=item.name,
            label=item.label,
            defect_type=item.defect_type or None,
            score=float(found.scores[index]),
            is_anomalous=bool(verdicts[index]),
            p_value=float(chances[index]),
            has_truth=item.mask is not None,
            confidence=None if confidence.values is None else float(confidence.values[index]),
            map_high=float(found.map_highs[index]),
            group=item.group,
            defect_area=regions.areas.get(index),
            true_regions=regions.parts.get(index, ()),
        )
        for index, item in enumerate(loader.items)
    ]
