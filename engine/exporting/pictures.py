"""Real pictures that an exported file and the engine are compared on: those of the run's test data nearest to another verdict."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
import torch

from engine.contract.folder import RunFolder
from engine.contract.pictures import BrokenPicture, read_picture
from engine.datasets import Dataset, Item
from engine.failures import DataError
from engine.tasks.exportable import Exportable, Pixels, Said
from engine.tasks.trying import read_to_try

BATCH = 4


@dataclass
class Pictures:
    """`pixels` (N, H, W, 3) of one depth; `white` is its highest value. `source`: data, folder or evaluation."""

    names: list[str]
    pixels: Pixels
    source: str
    ms: list[float] = field(default_factory=list)

    @property
    def white(self) -> float:
        return float(np.iinfo(self.pixels.dtype).max)

    def some(self, count: int) -> torch.Tensor:
        """The first pictures, as often as it takes."""
        return torch.from_numpy(self.pixels[np.arange(count) % len(self.names)])

    def by_batch(self, says: Callable[[Pixels], Said]) -> Said:
        """What is said of all pictures: of the first alone, then of several at a time; `ms` a picture is measured."""
        parts: list[Said] = []
        took: list[float] = []
        starts = [0, *range(1, len(self.pixels), BATCH)]
        for start in starts:
            batch = self.pixels[start : start + (1 if start == 0 else BATCH)]
            began = time.perf_counter()
            parts.append(says(batch))
            took.append((time.perf_counter() - began) * 1000 / len(batch))
        self.ms = took[1:] or took  # the first is slower: it also warms up
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    @property
    def ms_per_image(self) -> float:
        return median(self.ms)


def pictures_of(folder: RunFolder, found: Exportable, *, data: Path | None, own: bool, most: int) -> Pictures:
    """At most so many pictures. Without `data` they are the copies that the run's evaluation keeps of what it tested.

    Raises:
        DataError: there are none.
    """
    if data is None:
        return _kept(folder, found, most)
    wanted = dict.fromkeys(found.names[:most])

    def chosen(dataset: Dataset) -> list[Item]:
        if own and wanted:
            return [item for item in dataset.items if item.name in wanted]
        return ([item for item in dataset.items if item.split == "test"] or dataset.items)[:most]

    tried = read_to_try(data, image_size=found.image_size, tested=chosen)
    read = [tried.pictures.get(item).pixels for item in tried.items]
    return Pictures([item.name for item in tried.items], _of_one_depth(read), "data" if own else "folder")


def _kept(folder: RunFolder, found: Exportable, most: int) -> Pictures:
    files = sorted(folder.evaluation.pictures("inputs").glob("*.jpg"))[:most]
    try:
        read = [read_picture(file, size=found.image_size).pixels for file in files]
    except BrokenPicture as error:
        raise DataError(f"a picture of the run's evaluation cannot be read: {error}") from error
    if not read:
        raise DataError("the run keeps no pictures to compare on; name a folder of pictures with --data")
    return Pictures([file.name for file in files], _of_one_depth(read), "evaluation")


def _of_one_depth(read: list[Pixels]) -> Pixels:
    deepest = max((each.dtype for each in read), key=lambda dtype: dtype.itemsize)
    same = [each if each.dtype == deepest else each.astype(deepest) * 257 for each in read]
    return np.stack(same)
