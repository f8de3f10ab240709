"""Images as batches of tensors: decoded in threads ahead of the model, in an order that the seed alone decides.

The only file of this folder that loads torch.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch

from engine.datasets import Item
from engine.datasets.pictures import BrokenPicture, Picture, read_picture

LABELS = {"good": 0, "defective": 1, "unknown": -1}
THREADS = 4
AHEAD = 2  # batches decoded ahead of the model


@dataclass
class Batch:
    """Images of one step.

    images (B, 3, H, W) float32 in [0, 1]; labels (B,) long: 0 good, 1 defective, -1 unknown;
    masks (B, 1, H, W) float 0 or 1, None where no image of the batch has one; names: path inside the data set;
    has_truth (B,) bool: the mask is known, from a file or because the image is good.
    """

    images: torch.Tensor
    labels: torch.Tensor
    masks: torch.Tensor | None
    names: list[str]
    has_truth: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.names)

    def to(self, device: torch.device | str) -> "Batch":
        masks = None if self.masks is None else self.masks.to(device)
        return Batch(self.images.to(device), self.labels.to(device), masks, self.names, self.has_truth)


class Pictures:
    """Decoded pictures at one size, kept up to `memory_mb`, so that later passes need not decode again."""

    def __init__(self, *, image_size: int, memory_mb: int = 1024):
        self.image_size = image_size
        self._kept: dict[str, Picture] = {}
        self._most = memory_mb * 2**20 // (image_size**2 * 4)  # three channels and the mask, a byte each

    def get(self, item: Item) -> Picture:
        """Raises BrokenPicture."""
        picture = self._kept.get(item.name)
        if picture is None:
            picture = read_picture(item.path, size=self.image_size, mask=item.mask)
            if len(self._kept) < self._most:
                self._kept[item.name] = picture
        return picture

    def readable(
        self, items: Sequence[Item], *, progress: Callable[[int], None] = lambda done: None
    ) -> tuple[list[Item], dict[str, str]]:
        """The items that can be decoded, and the reason by name for the others.

        An image whose mask alone is broken is kept without it. `progress(done)` is called after each picture and may
        raise to stop.
        """
        whole: list[Item] = []
        broken: dict[str, str] = {}
        with ThreadPoolExecutor(THREADS, thread_name_prefix="decode") as pool:
            futures = [pool.submit(self._try, item) for item in items]
            try:
                for done, (item, future) in enumerate(zip(items, futures, strict=True), start=1):
                    found, reason = future.result()
                    whole += [found] if found else []
                    broken |= {item.name: reason} if reason else {}
                    progress(done)
            finally:
                pool.shutdown(cancel_futures=True)
        return whole, broken

    def _try(self, item: Item) -> tuple[Item | None, str | None]:
        try:
            self.get(item)
            return item, None
        except BrokenPicture as error:
            if item.mask is None:
                return None, str(error)
            found, reason = self._try(replace(item, mask=None))
            return found, reason or f"its mask is ignored: {error}"


class Loader:
    """Batches over `items`, as often as it is iterated.

    `seed` None keeps their order, a number shuffles each pass anew. `len(loader)` is the number of batches,
    `loader.images` that of images. Loaders may share their decoded `pictures`.
    """

    def __init__(
        self,
        items: Sequence[Item],
        *,
        image_size: int,
        batch_size: int,
        seed: int | None = None,
        pictures: Pictures | None = None,
    ):
        self.items = list(items)
        self.image_size = image_size
        self.batch_size = batch_size
        self.seed = seed
        self._pictures = pictures or Pictures(image_size=image_size)
        self._passes = 0

    @property
    def images(self) -> int:
        return len(self.items)

    def __len__(self) -> int:
        return -(-len(self.items) // self.batch_size)

    def __iter__(self) -> Iterator[Batch]:
        order = self._order()
        starts = range(0, len(order), self.batch_size)
        waiting: deque[list[Future[Picture]]] = deque()
        with ThreadPoolExecutor(THREADS, thread_name_prefix="decode") as pool:
            try:
                for start in starts:
                    chosen = [self.items[i] for i in order[start : start + self.batch_size]]
                    waiting.append([pool.submit(self._picture, item) for item in chosen])
                    if len(waiting) > AHEAD:
                        yield self._collate(order, waiting.popleft(), start - AHEAD * self.batch_size)
                while waiting:
                    yield self._collate(order, waiting.popleft(), (len(starts) - len(waiting) - 1) * self.batch_size)
            finally:
                pool.shutdown(cancel_futures=True)  # the reader may leave in mid-pass

    def _order(self) -> list[int]:
        if self.seed is None:
            return list(range(len(self.items)))
        generator = np.random.default_rng([self.seed, self._passes])
        self._passes += 1
        return [int(i) for i in generator.permutation(len(self.items))]

    def _picture(self, item: Item) -> Picture:
        try:
            return self._pictures.get(item)
        except BrokenPicture as error:  # it could be read when the run began
            raise BrokenPicture(f"{item.name} can no longer be read: {error}") from None

    def _collate(self, order: list[int], futures: list[Future[Picture]], start: int) -> Batch:
        pictures = [future.result() for future in futures]
        items = [self.items[i] for i in order[start : start + len(pictures)]]
        pixels = torch.from_numpy(np.stack([picture.pixels for picture in pictures]))  # (B, H, W, 3) uint8
        labels = torch.tensor([LABELS[item.label] for item in items])
        return Batch(
            images=pixels.permute(0, 3, 1, 2).contiguous().float() / 255,
            labels=labels,
            masks=_masks(pictures, items),
            names=[item.name for item in items],
            has_truth=torch.tensor([item.mask is not None or item.label == "good" for item in items]),
        )


def _masks(pictures: list[Picture], items: list[Item]) -> torch.Tensor | None:
    """(B, 1, H, W); an image without a mask file has nothing marked."""
    if all(picture.mask is None for picture in pictures):
        return None
    empty = np.zeros(pictures[0].pixels.shape[:2], dtype=np.uint8)
    masks = [empty if picture.mask is None else picture.mask for picture in pictures]
    return torch.from_numpy(np.stack(masks)).unsqueeze(1).float()
