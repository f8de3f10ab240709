"""Images as batches of tensors: decoded, augmented and given made-up defects in threads ahead of the model.

The order, the augmentation and the defects are decided by the seed, the number of the pass and the image alone; what the
threads do when makes no difference.
"""

import hashlib
import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np
import torch

from engine.contract.pictures import BrokenPicture, Picture, read_picture
from engine.datasets import Item
from engine.datasets.augmentation import RANGES, Preset, augment
from engine.datasets.fingerprints import DIGITS, contents_of, digest_of, fingerprint
from engine.datasets.synthetic.blending import Synthesis
from engine.failures import DataChanged

LABELS = {"good": 0, "defective": 1, "unknown": -1}
LabelOf = Callable[[Item], int]
IMAGES_AHEAD = 2  # of the model, for each thread; one batch at least. More would only fill the memory
MOST_THREADS = 16


def is_defective(item: Item) -> int:
    """The labels that detectors know: 0 good, 1 defective, -1 unknown."""
    return LABELS[item.label]


@dataclass
class Batch:
    """Images of one step.

    images (B, 3, H, W) float32 in [0, 1]; labels (B,) long: 0 good, 1 defective, -1 unknown, or the classes that
    its loader was told;
    masks (B, 1, H, W) float 0 or 1, None where no image of the batch has one; names: path inside the data set;
    has_truth (B,) bool: the mask is known, from a file or because the image is good.
    augmented: images were changed at random, so that the same name means another picture in each pass.
    synthetic (B, 3, H, W): the images' twins with a made-up defect, synthetic_masks (B, 1, H, W) 1 where it is; an image
    that the share leaves out, or that is defective already, is its own twin. None without synthesis.
    """

    images: torch.Tensor
    labels: torch.Tensor
    masks: torch.Tensor | None
    names: list[str]
    has_truth: torch.Tensor | None = None
    augmented: bool = False
    synthetic: torch.Tensor | None = None
    synthetic_masks: torch.Tensor | None = None

    def __len__(self) -> int:
        return len(self.names)

    def pixels(self, index: int) -> np.ndarray:
        """One image as a picture (H, W, 3) uint8."""
        picture: np.ndarray = (self.images[index].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8)
        return picture

    def to(self, device: torch.device | str) -> "Batch":
        """The batch with its tensors on a device; has_truth stays, as it is looked at on the CPU only."""
        moved = {field.name: getattr(self, field.name) for field in fields(self) if field.name != "has_truth"}
        moved = {name: value.to(device) for name, value in moved.items() if isinstance(value, torch.Tensor)}
        return replace(self, **moved)


class Pictures:
    """Decoded pictures at one size, kept up to `memory_mb`, so that later passes need not decode again.

    What is hashed is what is decoded: a file is read once for both, and one that is read again must still be the same.
    """

    def __init__(self, *, image_size: int, memory_mb: int = 1024):
        self.image_size = image_size
        self._kept: dict[str, Picture] = {}
        self._left = memory_mb * 2**20
        self._lock = threading.Lock()
        self._digests: dict[str, bytes] = {}  # of each item's files, by its name
        self._files: dict[Path, bytes] = {}  # SHA-256 of each file, as it was first read

    def get(self, item: Item) -> Picture:
        """Raises BrokenPicture; DataChanged where a file is not what it was when it was first read."""
        picture = self._kept.get(item.name)
        if picture is None:
            picture = self._decoded(item)
            size = picture.pixels.nbytes + (0 if picture.mask is None else picture.mask.nbytes)
            with self._lock:
                if size <= self._left and item.name not in self._kept:
                    self._kept[item.name] = picture
                    self._left -= size
        return picture

    def keep(self, item: Item, picture: Picture) -> None:
        """Keep a picture that is no file, whatever room there is; `item.path` is the file that it was made from."""
        with self._lock:
            self._kept[item.name] = picture

    def readable(
        self, items: Sequence[Item], *, progress: Callable[[int], None] = lambda done: None
    ) -> tuple[list[Item], dict[str, str]]:
        """The items that can be decoded, and the reason by name for the others.

        An image whose mask alone is broken, or marks nothing, is kept without it. `progress(done)` is called after each picture and may
        raise to stop.
        """
        whole: list[Item] = []
        broken: dict[str, str] = {}
        with ThreadPoolExecutor(_threads(), thread_name_prefix="decode") as pool:
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

    def fingerprint(self, items: Sequence[Item]) -> str:
        """Of the items as they were read by `readable`, broken ones and masks included."""
        return fingerprint(items, [self._digests[item.name] for item in items])

    def hash_of(self, item: Item) -> str:
        """Names a picture that was read by the bytes of its file: in a lineage it is known by that (engine/tasks/detect/learnt_before.py)."""
        return self._files[item.path].hex()[:DIGITS]

    def _decoded(self, item: Item) -> Picture:
        content, mask = contents_of(item)
        self._digests.setdefault(item.name, digest_of(content, mask))
        for path, found in ((item.path, content), (item.mask, mask)):
            if path is not None and isinstance(found, bytes):
                self._refuse_another(path, found)
        for found in (content, mask):
            if isinstance(found, OSError):
                raise BrokenPicture(f"cannot be read: {found.strerror}")
        assert isinstance(content, bytes) and not isinstance(mask, OSError)
        return read_picture(item.path, size=self.image_size, mask=item.mask, content=content, mask_content=mask)

    def _refuse_another(self, path: Path, content: bytes) -> None:
        digest = hashlib.sha256(content).digest()
        if self._files.setdefault(path, digest) != digest:
            raise DataChanged(f"{path} was changed while it was being learnt from")

    def _try(self, item: Item) -> tuple[Item | None, str | None]:
        try:
            picture = self.get(item)
            return item if picture.mask is not None else replace(item, mask=None), None
        except BrokenPicture as error:
            if item.mask is None:
                return None, str(error)
            found, reason = self._try(replace(item, mask=None))
            return found, reason or f"its mask is ignored: {error}"


class Loader:
    """Batches over `items`, as often as it is iterated.

    `seed` None keeps their order, and every pass is the same; a number shuffles, augments and makes defects for each
    pass anew. `passes` is the number of the next pass: set it to go on where another loader stopped.
    `len(loader)` is the number of batches, `loader.images` that of images. Loaders may share their decoded `pictures`.
    `label_of` says which label a picture has.

    Raises:
        ValueError: no such augmentation.
    """

    def __init__(
        self,
        items: Sequence[Item],
        *,
        image_size: int,
        batch_size: int,
        seed: int | None = None,
        pictures: Pictures | None = None,
        augmentation: Preset = "none",
        synthesis: Synthesis | None = None,
        label_of: LabelOf = is_defective,
    ):
        if augmentation not in ("none", *RANGES):
            raise ValueError(f"unknown augmentation {augmentation!r} (have: none, {', '.join(RANGES)})")
        self.items = list(items)
        self.image_size = image_size
        self.batch_size = batch_size
        self.seed = seed
        self.augmentation = augmentation
        self.synthesis = synthesis
        self.label_of = label_of
        self.passes = 0
        self._pictures = pictures or Pictures(image_size=image_size)

    @property
    def images(self) -> int:
        return len(self.items)

    def __len__(self) -> int:
        return -(-len(self.items) // self.batch_size)

    def plain(self) -> "Loader":
        """The same items as they are: in their order, not augmented, without made-up defects. Decoded pictures are shared."""
        return Loader(
            self.items,
            image_size=self.image_size,
            batch_size=self.batch_size,
            pictures=self._pictures,
            label_of=self.label_of,
        )

    def __iter__(self) -> Iterator[Batch]:
        order, number = self._next_pass()
        ahead = max(1, -(-IMAGES_AHEAD * _threads() // self.batch_size))
        waiting: deque[tuple[_Filling, list[Future[None]]]] = deque()
        with ThreadPoolExecutor(_threads(), thread_name_prefix="decode") as pool:
            try:
                for start in range(0, len(order), self.batch_size):
                    chosen = order[start : start + self.batch_size]
                    filling = _Filling(
                        len(chosen), self.image_size, self.label_of, has_twins=self.synthesis is not None
                    )
                    futures = [pool.submit(self._fill, filling, row, i, number) for row, i in enumerate(chosen)]
                    waiting.append((filling, futures))
                    if len(waiting) > ahead:
                        yield self._filled(*waiting.popleft())
                while waiting:
                    yield self._filled(*waiting.popleft())
            finally:
                pool.shutdown(cancel_futures=True)  # the reader may leave in mid-pass

    def _next_pass(self) -> tuple[list[int], int]:
        """The order of the items and the number of the pass."""
        if self.seed is None:
            return list(range(len(self.items))), 0
        number = self.passes
        self.passes += 1
        generator = np.random.default_rng([self.seed, number])
        return [int(i) for i in generator.permutation(len(self.items))], number

    def _fill(self, filling: "_Filling", row: int, index: int, number: int) -> None:
        """Put item `index` into a row of the batch. Runs in a decode thread."""
        item = self.items[index]
        picture = self._picture(item)
        image, mask = filling.put(row, item, picture)
        # entropy of one length more than the order's, and no zero at its end: that would be the same numbers
        generator = np.random.default_rng([self.seed or 0, number, index + 1])
        if self.augmentation != "none":
            changed, changed_mask = augment(
                image, self.augmentation, generator, mask=mask if filling.masked[row] else None
            )
            image.copy_(changed)
            if changed_mask is not None:
                mask.copy_(changed_mask)
        if self.synthesis is None:
            return
        if item.label == "good":
            pixels = np.ascontiguousarray(image.permute(1, 2, 0).numpy())  # (H, W, 3)
            twin, defect = self.synthesis(pixels, generator)
            filling.put_twin(row, torch.from_numpy(twin).permute(2, 0, 1), torch.from_numpy(defect).unsqueeze(0))
        else:
            filling.put_twin(row, image, mask)

    def _picture(self, item: Item) -> Picture:
        try:
            return self._pictures.get(item)
        except BrokenPicture as error:  # it could be read when the run began
            raise BrokenPicture(f"{item.name} can no longer be read: {error}") from None

    def _filled(self, filling: "_Filling", futures: list[Future[None]]) -> Batch:
        for future in futures:
            future.result()
        return filling.batch(augmented=self.augmentation != "none")


def batch_of(pictures: Sequence[Picture], names: Sequence[str]) -> Batch:
    """Pictures of one size that are in no data set, as the batch that a loader would make of them; nobody knows their labels."""
    side = pictures[0].pixels.shape[0]
    filling = _Filling(len(pictures), side, is_defective, has_twins=False)
    for row, (picture, name) in enumerate(zip(pictures, names, strict=True)):
        filling.put(row, Item(Path(name), name, "test", "unknown"), picture)
    return filling.batch(augmented=False)


class _Filling:
    """A batch whose rows the decode threads fill, so that nothing is left to convert or copy when the model wants it."""

    def __init__(self, size: int, side: int, label_of: LabelOf, *, has_twins: bool):
        self.label_of = label_of
        self.items: list[Item | None] = [None] * size
        self.masked = [False] * size
        with torch.inference_mode(False):  # the reader's mode is not the decode threads', and they write
            self.images = torch.empty(size, 3, side, side)
            self.masks = torch.zeros(size, 1, side, side)
            self.twins = torch.empty_like(self.images) if has_twins else None
            self.twin_masks = torch.empty_like(self.masks) if has_twins else None

    def put(self, row: int, item: Item, picture: Picture) -> tuple[torch.Tensor, torch.Tensor]:
        """The row's image (3, H, W) and mask (1, H, W), filled. The factor is the depth's, never the picture's own."""
        image, mask = self.images[row], self.masks[row]
        image.copy_(torch.from_numpy(picture.pixels).permute(2, 0, 1)).div_(np.iinfo(picture.pixels.dtype).max)
        if picture.mask is not None:
            mask.copy_(torch.from_numpy(picture.mask).unsqueeze(0))
        self.items[row], self.masked[row] = item, picture.mask is not None
        return image, mask

    def put_twin(self, row: int, twin: torch.Tensor, mask: torch.Tensor) -> None:
        assert self.twins is not None and self.twin_masks is not None
        self.twins[row].copy_(twin)
        self.twin_masks[row].copy_(mask)

    def batch(self, *, augmented: bool) -> Batch:
        items = [item for item in self.items if item is not None]
        return Batch(
            images=self.images,
            labels=torch.tensor([self.label_of(item) for item in items]),
            masks=self.masks if any(self.masked) else None,
            names=[item.name for item in items],
            has_truth=torch.tensor(
                [known or item.label == "good" for known, item in zip(self.masked, items, strict=True)]
            ),
            augmented=augmented,
            synthetic=self.twins,
            synthetic_masks=self.twin_masks,
        )


def _threads() -> int:
    """As many as there are processors, four at least: decoding also waits for the disk."""
    return min(max(len(os.sched_getaffinity(0)), 4), MOST_THREADS)
