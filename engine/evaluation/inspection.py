"""Runs a trained model over pictures and keeps what it said: scores in memory, score maps in a scratch file to count in."""

import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from engine.contract.events import Batches
from engine.datasets.loading import Batch, Loader
from engine.evaluation.pixel_counts import PixelTally, RegionTally
from engine.models import AnomalyModel
from engine.report import Eta, Reporter, silent


@dataclass
class Inspection:
    """What a model said about N pictures, in the loader's order.

    scores (N,) and labels (N,) 0 good, 1 defective, -1 unknown; map_lows and map_highs (N,) lowest and highest raw score of
    each map; maps (N, H, W) float32 on disk, None where they were not asked for.
    """

    scores: np.ndarray
    labels: np.ndarray
    names: list[str]
    map_lows: np.ndarray
    map_highs: np.ndarray
    maps: np.ndarray | None


def inspect(
    model: AnomalyModel,
    loader: Loader,
    *,
    what: Literal["calibrating", "evaluating", "verifying"],
    keep_maps_in: Path | None = None,
    report: Reporter = silent,
) -> Inspection:
    """Score every picture of the loader. Maps are kept in a nameless file of the folder `keep_maps_in`: it goes with them.

    Raises:
        ValueError: the loader has no pictures.
        FloatingPointError: a score is not a finite number.
    """
    if loader.images == 0:
        raise ValueError(f"there are no pictures for {what}")
    device = next(iter(model.state_dict().values())).device
    maps = None if keep_maps_in is None else _scratch(keep_maps_in, loader)
    scores: list[np.ndarray] = []
    labels: list[np.ndarray] = []
    names: list[str] = []
    lows: list[np.ndarray] = []
    highs: list[np.ndarray] = []
    eta, done = Eta(loader.images), 0
    for batch in loader:
        score, score_map = predict_batch(model, batch, device)
        if maps is not None:
            maps[done : done + len(batch)] = score_map
        scores.append(score)
        labels.append(batch.labels.numpy())
        lows.append(score_map.min(axis=(1, 2)))
        highs.append(score_map.max(axis=(1, 2)))
        names += batch.names
        done += len(batch)
        report(Batches(what=what, done=done, total=loader.images, eta_s=eta(done)))
    found = Inspection(
        scores=np.concatenate(scores),
        labels=np.concatenate(labels),
        names=names,
        map_lows=np.concatenate(lows),
        map_highs=np.concatenate(highs),
        maps=maps,
    )
    if not (np.isfinite(found.scores).all() and np.isfinite(found.map_highs).all()):
        raise FloatingPointError(
            "the model gives scores that are not finite numbers: it has diverged; lower its learning_rate where it has "
            "one, raise its regularisation where it has that"
        )
    return found


def predict_batch(model: AnomalyModel, batch: Batch, device: torch.device) -> tuple[np.ndarray, np.ndarray]:
    """Raw scores (B,) and maps (B, H, W), float32 on the CPU."""
    with torch.inference_mode():
        prediction = model.predict_step(batch.to(device))
    return prediction.pred_score.float().cpu().numpy(), prediction.anomaly_map.squeeze(1).float().cpu().numpy()


def with_positions(loader: Loader) -> Iterator[tuple[int, Batch]]:
    """Each batch with the position of its first picture in the inspection of the same loader."""
    start = 0
    for batch in loader:
        yield start, batch
        start += len(batch)


def count_pixels(
    pixels: PixelTally, found: Inspection, start: int, batch: Batch, *, regions: RegionTally | None = None
) -> None:
    """Count the maps of a batch whose truth is known: a mask, or a good image, on which nothing is marked."""
    assert found.maps is not None and batch.has_truth is not None
    known = np.flatnonzero(batch.has_truth.numpy())
    if len(known) == 0:
        return
    maps = found.maps[start + known]
    masks = None if batch.masks is None else batch.masks.squeeze(1).numpy()[known] > 0.5
    pixels.add(maps, masks)
    for i, position in enumerate(known if regions is not None else ()):
        assert regions is not None
        if batch.labels[position] == 0:
            regions.add_good(maps[i])
        elif masks is not None:
            regions.add_defective(int(start + position), maps[i], masks[i])


def _scratch(folder: Path, loader: Loader) -> np.ndarray:
    """A file without a name; its space is taken at once, since a disk that fills up under a mapped file kills the process."""
    shape = (loader.images, loader.image_size, loader.image_size)
    with tempfile.TemporaryFile(dir=folder) as file:
        os.posix_fallocate(file.fileno(), 0, 4 * math.prod(shape))
        return np.memmap(file, dtype=np.float32, mode="r+", shape=shape)
