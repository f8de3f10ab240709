"""Data sets of pictures: what is in a folder, read by layout. One file per layout; torch only in loading.py and augmentation.py."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Split = Literal["train", "test"]
Label = Literal["good", "defective", "unknown"]


@dataclass(frozen=True)
class Item:
    """One picture of a data set. `name` is its path inside the data set, written with /.

    `group` is the panel, lot or sequence that the picture is of, where the data set tells; pictures of one group look
    alike, so a split never shares them out to two parts.
    """

    path: Path
    name: str
    split: Split
    label: Label
    defect_type: str | None = None
    mask: Path | None = None
    group: str | None = None


@dataclass(frozen=True)
class Dataset:
    """A data set as its layout reads it; nothing is decoded yet.

    `disputed_masks` are files named like pictures of several defect types: nobody knows whose they are, so nobody's.
    `licence` is what its own files or its unmistakable layout say, such as "CC BY-NC-SA 4.0"; None where nothing does.
    """

    name: str
    path: Path
    layout: str
    items: list[Item]
    synthetic: bool = False
    title: str | None = None
    licence: str | None = None
    disputed_masks: tuple[Path, ...] = ()
