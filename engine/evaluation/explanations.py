"""What is suspicious in a picture and why: its regions, and the good patches most like them.

A model that keeps patches of good images (a memory bank) can show the nearest ones beside a region: what the place should
have looked like. Other models know none, and the list is null.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from engine.contract.results.detect import Highest, Patch, Region
from engine.datasets.loading import Batch
from engine.evaluation.regions import find_regions
from engine.models import AnomalyModel

REGIONS_EXPLAINED = 5  # of one picture, the strongest
NEAREST = 3  # good patches shown beside a region


@dataclass(frozen=True)
class Explained:
    """What is suspicious in one picture: regions above the pixel threshold, strongest first, and where its map is highest."""

    regions: list[Region]
    highest: Highest


def explain_batch(
    model: AnomalyModel,
    batch: Batch,
    maps: NDArray[np.float32],
    *,
    pixel_threshold: float,
    looked_at: NDArray[np.bool_] | None = None,
) -> list[Explained]:
    """For each picture its regions and its highest place; `nearest` names good pictures and places in them.

    The highest place of a picture with regions is that of the strongest. One without goes through the model again, so only those that
    are to be `looked_at` do.

    Args:
        maps: (B, H, W) raw scores.
        looked_at: (B,); None is none.
    """
    regions = [find_regions(score_map, threshold=pixel_threshold) for score_map in maps]
    peaks = [highest_of(score_map) for score_map in maps]
    alone = [i for i, found in enumerate(regions) if not found and looked_at is not None and looked_at[i]]
    places = [(i, *region.peak_at) for i, found in enumerate(regions) for region in found[:REGIONS_EXPLAINED]]
    nearest = iter(_nearest(model, batch, [*places, *((i, peaks[i].x, peaks[i].y) for i in alone)]))
    told = [
        [
            region.model_copy(update={"nearest": next(nearest) if rank < REGIONS_EXPLAINED else None})
            for rank, region in enumerate(found)
        ]
        for found in regions
    ]
    of_peaks = {i: next(nearest) for i in alone}
    return [
        Explained(found, peaks[i].model_copy(update={"nearest": found[0].nearest if found else of_peaks.get(i)}))
        for i, found in enumerate(told)
    ]


def highest_of(score_map: NDArray[np.float32]) -> Highest:
    """Where a map (H, W) is highest."""
    y, x = np.unravel_index(int(score_map.argmax()), score_map.shape)
    return Highest(x=int(x), y=int(y), score=float(score_map[y, x]))


def _nearest(model: AnomalyModel, batch: Batch, places: list[tuple[int, int, int]]) -> list[list[Patch] | None]:
    """The nearest good patches for each place (picture of the batch, x, y)."""
    if not places or not model.remembered:
        return [None] * len(places)
    rows = sorted({i for i, _, _ in places})  # only these pictures go through the backbone again
    chosen = Batch(batch.images[rows], batch.labels[rows], None, [batch.names[i] for i in rows])
    asked = [(rows.index(i), y, x) for i, x, y in places]
    device = next(iter(model.state_dict().values())).device
    with torch.inference_mode():
        found = model.explain(chosen.to(device), asked, k=NEAREST)
    if found is None:
        return [None] * len(places)
    return [
        [Patch(name=model.remembered[n.image], x=n.x, y=n.y, distance=n.distance) for n in neighbours]
        for neighbours in found
    ]
