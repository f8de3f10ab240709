"""Data sets of pictures: what is in a folder, read by layout. One file per layout; torch only in loading.py and augmentation.py."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from engine.contract.data import Part
from engine.datasets.tree import Folder

Split = Literal["train", "test"]
Label = Literal["good", "defective", "unknown"]
Beside = Literal["unpaired_mask", "side_channel"]


class UnreadableDataset(LookupError):
    """A folder that cannot be read as a data set. `code` names the kind, `hint` says what to do."""

    def __init__(self, code: str, message: str, hint: str, **values: str | int):
        self.code, self.message, self.hint, self.values = code, message, hint, values
        super().__init__(f"{message}; {hint}")


@dataclass(frozen=True)
class Item:
    """One picture of a data set. `name` is its path inside the data set, written with /.

    `group` is the panel, lot or sequence that the picture is of, where the data set tells; pictures of one group look
    alike, so a split never shares them out to two parts. `part` is where the data set's own folders put it, such as train/; a
    classification keeps to that, a detection learns from good pictures and so has its own `split`.
    """

    path: Path
    name: str
    split: Split
    label: Label
    defect_type: str | None = None
    mask: Path | None = None
    group: str | None = None
    part: Part | None = None


@dataclass
class Reading:
    """What a layout makes of a folder.

    `masks_of_good` are files and the good pictures that they are masks of. `beside` are files that are no pictures: masks
    that fit none, and other channels, such as depth. `tables` are the layout's own files about its pictures. Of the folders `unclear` nobody can
    tell which hold the pictures: their files are named alike, and differ in depth. Those `alike` hold pictures that are
    named after others in or around them, and taken all the same.
    """

    items: list[Item] = field(default_factory=list)
    masks_of_good: dict[Path, Path] = field(default_factory=dict)
    beside: dict[Path, Beside] = field(default_factory=dict)
    tables: list[Path] = field(default_factory=list)
    unclear: list[Path] = field(default_factory=list)
    alike: list[Path] = field(default_factory=list)


@dataclass(frozen=True)
class Dataset:
    """A data set as its layout reads it; of its pictures only those are decoded that may be masks.

    `disputed_masks` are files named like several pictures: nobody knows whose they are, so nobody's.
    `licence` is what its own files or its unmistakable layout say, such as "CC BY-NC-SA 4.0"; None where nothing does.
    `given` is the folder that was asked for, with all that lies in it; `path` is it or a folder inside, and `around` are the
    names of the folders from one to the other.
    `read` are the files besides pictures and masks that were followed.
    """

    name: str
    path: Path
    layout: str
    items: list[Item]
    given: Folder
    around: tuple[str, ...] = ()
    synthetic: bool = False
    title: str | None = None
    licence: str | None = None
    disputed_masks: tuple[Path, ...] = ()
    masks_of_good: dict[Path, Path] = field(default_factory=dict)
    beside: dict[Path, Beside] = field(default_factory=dict)
    read: frozenset[Path] = frozenset()
    unclear: tuple[Path, ...] = ()
    alike: tuple[Path, ...] = ()
