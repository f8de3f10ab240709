"""What a scorer says of pictures, written for people to look at: maps, heatmaps, masks and findings. Nothing is measured."""

from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.contract.events import Batches
from engine.contract.plain_files import write_whole
from engine.contract.results import as_json
from engine.contract.results.detect import Finding, FoundImage
from engine.datasets.loading import Batch, Loader
from engine.evaluation.heatmaps import map_scale, save_pictures
from engine.evaluation.inspection import with_positions
from engine.png import save_png
from engine.report import Reporter, silent
from engine.scorer import Scorer


def write_predictions(
    scorer: Scorer, loader: Loader, folder: Path, *, version: int | None = None, report: Reporter = silent
) -> dict[str, Any]:
    """Write per image its raw map (16-bit), heatmap with contours and boxes, mask, and what was found in words of JSON.

    NNNN_map.png, NNNN_heatmap.png, NNNN_mask.png, NNNN.json (score, verdict, regions; see engine/contract/results/detect.py), and
    NNNN_attention.png where the backbone is a transformer. Returns the folder, the number of images and a summary of scores and
    verdicts.

    Args:
        version: of the run's threshold that the scorer judges by, told with each verdict; None is left out.
    """
    assert scorer.threshold is not None and scorer.pixel_threshold is not None
    folder.mkdir(parents=True, exist_ok=True)
    found = scorer.inspect(loader, what="evaluating", keep_maps_in=folder, report=report)
    assert found.maps is not None
    scale = map_scale(found.map_lows, found.map_highs)
    chances = scorer.p_values(found.scores)
    for start, batch in with_positions(loader):
        maps = found.maps[start : start + len(batch)]
        explained = scorer.explain(batch, maps)
        for i, name in enumerate(batch.names):
            score, stem = float(found.scores[start + i]), folder / f"{start + i:04d}"
            save_pictures(
                batch.pixels(i),
                maps[i],
                threshold=scorer.pixel_threshold,
                scale=scale,
                map_to=_named(stem, "map"),
                mask_to=_named(stem, "mask"),
                heat_to=_named(stem, "heatmap"),
                boxes=[region.box for region in explained[i].regions],
            )
            chance = None if chances is None else float(chances[start + i])
            verdict = FoundImage.judged(
                name,
                score=score,
                threshold=scorer.threshold,
                pixel_threshold=scorer.pixel_threshold,
                p_value=chance,
                highest=explained[i].highest,
            )
            if version is not None:
                verdict = verdict.model_copy(update={"threshold_version": version})
            write_whole(stem.with_suffix(".json"), as_json(Finding(image=verdict, regions=explained[i].regions)))
        _write_attention(scorer, batch, folder, start)
        report(Batches(what="writing", done=start + len(batch), total=loader.images))
    summary = {
        "anomalous": int(scorer.is_anomalous(found.scores).sum()),
        "threshold": scorer.threshold,
        "pixel_threshold": scorer.pixel_threshold,
        **({} if version is None else {"threshold_version": version}),
        "lowest_score": float(found.scores.min()),
        "highest_score": float(found.scores.max()),
        "map_scale": list(scale),
    }
    return {"folder": folder, "images": loader.images, "summary": summary}


@torch.inference_mode()
def _write_attention(scorer: Scorer, batch: Batch, folder: Path, start: int) -> None:
    """What a transformer looks at, each picture scaled to its own range: a hint of its view, no measure."""
    backbone = scorer.model.backbone
    attention = None if backbone is None else backbone.attention(batch.images.to(scorer.device))
    if attention is None:
        return
    for i, seen in enumerate(attention.float().cpu().numpy()[:, 0]):
        share = (seen - seen.min()) / max(float(seen.max() - seen.min()), 1e-12)
        save_png(_named(folder / f"{start + i:04d}", "attention"), np.rint(share * 255).astype(np.uint8))


def _named(stem: Path, kind: str) -> Path:
    return stem.with_name(f"{stem.name}_{kind}.png")
