"""A new data set, put together from pictures that lie elsewhere, in the layout of MVTec AD (engine/datasets/layouts/mvtec.py).

Pictures of the same disk are hard links, others copies, and so is what a symbolic link leads to: a file that is not ours may be written into.
"""

import asyncio
import csv
import hashlib
import json
import os
import re
import shutil
import struct
import zlib
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal, TypeVar

from assistant.data.datasets import Datasets
from assistant.data.uploads import under_way
from assistant.settings import Settings
from assistant.store.tables import DatasetRow
from engine.contract.data import Picture
from engine.contract.picture_files import picture_inside

T = TypeVar("T")

HEADS = (
    (re.compile(rb"\x89PNG"), ".png"),
    (re.compile(rb"\xff\xd8"), ".jpg"),
    (re.compile(rb"BM"), ".bmp"),
    (re.compile(rb"II[*+]\0|MM\0[*+]"), ".tif"),
    (re.compile(rb"RIFF....WEBP", re.DOTALL), ".webp"),
)  # what the files of a format begin with, and how they are called


async def registered(
    settings: Settings, datasets: Datasets, name: str, lay_out: Callable[[Path], T]
) -> tuple[DatasetRow, T]:
    """Register the data set that `lay_out` puts into a folder of the home; what it returns comes back too. Nothing is left where that fails.

    Raises:
        DatasetError: the name is taken, or what was laid out cannot be used.
        OSError: as `lay_out`.
    """
    async with under_way(settings) as upload:
        try:
            laid = await asyncio.to_thread(lay_out, upload.folder)
            return await datasets.add(name, upload.folder, origin="uploaded"), laid
        except BaseException:
            await asyncio.to_thread(shutil.rmtree, upload.folder, ignore_errors=True)
            raise


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class LaidOut:
    """A folder that is filled with `add` and finished with `end`. All of it may wait for the disk."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._taken: set[tuple[str, str]] = set()
        self._groups: list[tuple[str, str]] = []
        (folder / "train" / "good").mkdir(parents=True)  # where it stays empty, all good pictures are tested with

    def add(
        self,
        source: Path,
        *,
        part: Literal["train", "test"],
        kind: str | None,
        name: str,
        mask: Path | bytes | None = None,
        group: str | None = None,
    ) -> None:
        """A picture under this name, or one with a number before it where another one has that.

        Args:
            kind: good, or the type of defect; None: nobody knows.
            mask: a file, or the bytes of a PNG.

        Raises:
            OSError: the source is gone, or the disk is full.
        """
        kind = None if kind is None else kind.replace("/", "_")
        within = f"{part}/{kind}" if kind else part
        name = self._free(within, Path(name).name)
        _place(source, self._folder / within / name)
        if mask is not None:
            marked = self._folder / "ground_truth" / str(kind) / f"{Path(name).stem}_mask"
            if isinstance(mask, bytes):
                marked.parent.mkdir(parents=True, exist_ok=True)
                marked.with_name(f"{marked.name}.png").write_bytes(mask)
            else:
                _place(mask, marked.with_name(f"{marked.name}{mask.suffix}"))
        if group is not None:
            self._groups.append((f"{within}/{name}", group))

    def add_image(
        self, root: Path, image: Picture, *, part: Literal["train", "test"], mask: Path | bytes | None = None
    ) -> bool:
        """An image of the data set at `root`, with its label, mask and group; whether it is still there.

        Args:
            mask: where the image has none of its own.

        Raises:
            OSError: the disk is full.
        """
        path = picture_inside(root, image.name)
        if path is None:
            return False
        kinds = {"good": "good", "defective": image.defect_type or "defective"}
        own = picture_inside(root, image.mask) if image.mask else None
        self.add(path, part=part, kind=kinds.get(image.label), name=image.name, mask=own or mask, group=image.group)
        return True

    def end(self, *, licence: str | None, synthetic: bool) -> None:
        """Write what is to be known of the data set besides."""
        about: dict[str, Any] = ({"licence": licence} if licence else {}) | ({"synthetic": True} if synthetic else {})
        if about:
            (self._folder / "murascope.json").write_text(
                json.dumps(about, ensure_ascii=False, allow_nan=False), encoding="utf-8"
            )
        if self._groups:
            with (self._folder / "split.csv").open("w", encoding="utf-8", newline="") as file:
                csv.writer(file).writerows([("name", "group"), *self._groups])

    def _free(self, within: str, name: str) -> str:
        stem, suffix, number = Path(name).stem, Path(name).suffix, 1
        free = stem
        while (within, free.casefold()) in self._taken:
            number += 1
            free = f"{number}-{stem}"
        self._taken.add((within, free.casefold()))
        return f"{free}{suffix}"


def suffix_of(picture: Path) -> str:
    """The ending that belongs to a picture's format, by its first bytes."""
    with picture.open("rb") as file:
        head = file.read(16)
    return next((suffix for begins, suffix in HEADS if begins.match(head)), ".png")


def mask_of(region: Sequence[float], side: int) -> bytes | None:
    """A PNG of side x side pixels, white in the region (x, y, width, height) and black around it; None where the region has no pixel of it."""
    x, y, width, height = region
    left, top = max(0, int(x // 1)), max(0, int(y // 1))
    right, bottom = min(side, -int(-(x + width) // 1)), min(side, -int(-(y + height) // 1))
    if left >= right or top >= bottom:
        return None
    black = bytes(1 + side)  # the first byte of a row says that it is stored as it is
    marked = bytes(1 + left) + b"\xff" * (right - left) + bytes(side - right)
    rows = black * top + marked * (bottom - top) + black * (side - bottom)
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)  # 8 bits of grey
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*each) for each in chunks)


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def _place(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if not source.is_symlink():
        with suppress(OSError):  # another disk, or a file that others own
            os.link(source, target)
            return
    shutil.copyfile(source, target)
