"""Data sets of pictures: what is in a folder, read by layout. One file per layout; no torch but in loading.py."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

Split = Literal["train", "test"]
Label = Literal["good", "defective", "unknown"]


@dataclass(frozen=True)
class Item:
    """One picture of a data set. `name` is its path inside the data set, written with /."""

    path: Path
    name: str
    split: Split
    label: Label
    defect_type: str | None = None
    mask: Path | None = None


@dataclass(frozen=True)
class Dataset:
    """A data set as its layout reads it; nothing is decoded yet."""

    name: str
    path: Path
    layout: str
    items: list[Item]
    synthetic: bool = False
    title: str | None = None
