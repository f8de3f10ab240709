"""What a model said about pictures: scores in memory, score maps in a scratch file to count in."""

import math
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from engine.datasets.loading import Batch, Loader
from engine.evaluation.pixel_counts import PixelTally, RegionTally


@dataclass
class Inspection:
    """What a model said about N pictures, in the loader's order.

    scores (N,) and labels (N,) 0 good, 1 defective, -1 unknown; map_lows and map_highs (N,) lowest and highest raw score of
    each map; maps (N, H, W) float32 on disk, None where they were not asked for; took: of each batch its pictures, and the seconds from
    decoded pictures to scores and maps in memory.
    """

    scores: np.ndarray
    labels: np.ndarray
    names: list[str]
    map_lows: np.ndarray
    map_highs: np.ndarray
    maps: np.ndarray | None
    took: list[tuple[int, float]] = field(default_factory=list)


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


def scratch_for(loader: Loader, folder: Path) -> np.ndarray:
    """Room for the maps (N, H, W) of all pictures: a file without a name; its space is taken at once, since a disk that fills up under a mapped file kills the process."""
    shape = (loader.images, loader.image_size, loader.image_size)
    with tempfile.TemporaryFile(dir=folder) as file:
        os.posix_fallocate(file.fileno(), 0, 4 * math.prod(shape))
        return np.memmap(file, dtype=np.float32, mode="r+", shape=shape)
