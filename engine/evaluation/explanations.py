"""What is suspicious in a picture and why: its regions, and the good patches most like them.

A model that keeps patches of good images (a memory bank) can show the nearest ones beside a region: what the place should
have looked like. Other models know none, and the list is null.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from engine.contract.results.detect import Patch, Region
from engine.datasets.loading import Batch
from engine.evaluation.regions import find_regions
from engine.models import AnomalyModel

REGIONS_EXPLAINED = 5  # of one picture, the strongest
NEAREST = 3  # good patches shown beside a region


def explain_batch(
    model: AnomalyModel,
    batch: Batch,
    maps: NDArray[np.float32],
    *,
    pixel_threshold: float,
) -> list[list[Region]]:
    """For each picture its regions, strongest first; `nearest` names good pictures and places in them.

    Args:
        maps: (B, H, W) raw scores.
    """
    regions = [find_regions(score_map, threshold=pixel_threshold) for score_map in maps]
    places = [(i, *region.peak_at) for i, found in enumerate(regions) for region in found[:REGIONS_EXPLAINED]]
    nearest = iter(_nearest(model, batch, places))
    return [
        [
            region.model_copy(update={"nearest": next(nearest) if rank < REGIONS_EXPLAINED else None})
            for rank, region in enumerate(found)
        ]
        for found in regions
    ]


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
