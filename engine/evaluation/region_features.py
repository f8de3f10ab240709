"""What suspicious regions look like to a model's own backbone: its features averaged over each region's box, each level at length 1.

An evaluation keeps those of its test images of known defect type, so that a later region can be compared with them
(engine/evaluation/likely_types.py). A model without a backbone has none.

B batch, C channels of all levels together, N regions, h x w a level's grid.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from math import ceil
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load, save_file

from engine.backbones import Backbone
from engine.contract.checksums import read_checked
from engine.contract.folder import EvaluationFolder
from engine.contract.results.detect import Region
from engine.datasets import Item
from engine.datasets.loading import Batch
from engine.models import AnomalyModel

Box = tuple[int, int, int, int]


def backbones_of(model: AnomalyModel) -> list[Backbone]:
    """Every backbone in a model; the first one's features are compared."""
    return [module for module in model.modules() if isinstance(module, Backbone)]


@contextmanager
def computed_once(backbones: Sequence[Backbone], *, memory_mb: int) -> Iterator[None]:
    """In the block no picture goes through a backbone twice, as far as memory_mb reach for each."""
    with ExitStack() as keeping:
        for backbone in backbones:
            keeping.enter_context(backbone.keeping(memory_mb=memory_mb))
        yield


def features_of(backbone: Backbone, images: torch.Tensor, boxes: Sequence[tuple[int, Box]]) -> NDArray[np.float32]:
    """Of each region (picture of the batch, box in its pixels): (N, C). Pictures (B, 3, H, W) without a region are not computed."""
    rows = sorted({row for row, _ in boxes})
    height, width = images.shape[-2:]
    device = next(iter(backbone.state_dict().values())).device
    with torch.inference_mode():
        levels = backbone(images[rows].to(device))
    found = []
    for row, (left, top, wide, high) in boxes:
        parts = []
        for level in levels:  # (B, c, h, w)
            down, across = level.shape[-2] / height, level.shape[-1] / width
            above, before = int(top * down), int(left * across)
            below, behind = max(above + 1, ceil((top + high) * down)), max(before + 1, ceil((left + wide) * across))
            inside = level[rows.index(row), :, above:below, before:behind].mean(dim=(1, 2))  # (c,)
            parts.append(inside / inside.norm().clamp_min(1e-12))
        found.append(torch.cat(parts))
    return torch.stack(found).float().cpu().numpy()


class KnownRegions:
    """Collects during an evaluation: of each defective test image of a named type the strongest region that lies on its defect."""

    def __init__(self, model: AnomalyModel):
        self._backbone = next(iter(backbones_of(model)), None)
        self._rows: list[int] = []
        self._features: list[NDArray[np.float32]] = []

    def add(self, start: int, batch: Batch, items: Sequence[Item], regions: Sequence[Sequence[Region]]) -> None:
        """A batch whose first picture is number `start` of the evaluation, with the items and the regions of its pictures."""
        if self._backbone is None:
            return
        chosen: list[tuple[int, Box]] = []
        for place, (item, found) in enumerate(zip(items, regions, strict=True)):
            if item.label == "defective" and item.defect_type:
                region = _on_the_defect(found, _mask(batch, place))
                chosen += [] if region is None else [(place, region.box)]
        if chosen:
            self._features.append(features_of(self._backbone, batch.images, chosen))
            self._rows += [start + place for place, _ in chosen]

    def save(self, into: EvaluationFolder) -> None:
        """Nothing is written where no region was found."""
        if self._rows:
            told: dict[str, NDArray[Any]] = {
                "features": np.concatenate(self._features),
                "rows": np.array(self._rows, dtype=np.int64),
            }
            save_file(told, into.region_features)


def read_known(folder: EvaluationFolder) -> tuple[NDArray[np.float32], NDArray[np.int64]] | None:
    """Features (N, C) and which test image each is of (N,); None where none were kept.

    Raises:
        DamagedFile: they are not what was written.
    """
    if not folder.region_features.is_file():
        return None
    told = load(read_checked(folder.path, folder.region_features.name))
    return told["features"], told["rows"]


def _mask(batch: Batch, place: int) -> NDArray[np.bool_] | None:
    """Where the picture's defect is marked (H, W); None where that is not known."""
    if batch.masks is None or batch.has_truth is None or not batch.has_truth[place]:
        return None
    marked: NDArray[np.bool_] = batch.masks[place, 0].numpy() > 0.5
    return marked


def _on_the_defect(regions: Sequence[Region], mask: NDArray[np.bool_] | None) -> Region | None:
    """The strongest region whose box holds a marked pixel; the strongest of all where nobody marked the defect."""
    for region in regions:
        left, top, wide, high = region.box
        if mask is None or mask[top : top + high, left : left + wide].any():
            return region
    return None
