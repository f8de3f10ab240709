"""What of a data set's files is not used, and why: every file is a picture, a mask, a table that is followed, or left out."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.contract.data import LeftOut
from engine.datasets import Dataset
from engine.datasets.labels import label_files
from engine.datasets.looks import look_like_masks
from engine.datasets.names import OF_A_CLASS, is_masks, name_inside, plain_name, written
from engine.datasets.tree import Folder

Reason = Literal[
    "link", "ending", "unpaired_mask", "unread_folder", "page", "side_channel", "label_file",
    "learnt_from",  # of a folder that is tested with: its pictures to learn from
]  # fmt: skip


@dataclass(frozen=True)
class Accounts:
    """`left_out` is the reason for each file that is not used; `labels` are the files of labels and the pictures they are about."""

    used: dict[str, int]
    left_out: dict[Path, Reason]
    labels: dict[Path, set[Path]]

    def of(self, reason: Reason) -> list[Path]:
        return [path for path, why in self.left_out.items() if why == reason]


def account_for(dataset: Dataset) -> Accounts:
    """Each file of the folder that was given is counted once."""
    pictures = {item.path for item in dataset.items}
    masks = {item.mask for item in dataset.items if item.mask} | set(dataset.masks_of_good)
    folders = list(dataset.given.walk())
    others = [path for folder in folders for path in folder.others]
    tables = {path for path in others if path in dataset.read and path.is_file()}
    labels = label_files((path for path in others if path not in tables), [p for f in folders for p in f.pictures])
    left: dict[Path, Reason] = {}
    for folder in folders:
        unused = [path for path in folder.pictures if path not in pictures and path not in masks]
        left |= _unused_pictures(unused, folder, dataset)
        left |= dict.fromkeys(folder.links, "link")
        left |= dict.fromkeys(folder.hidden, "unread_folder")
        left |= {path: "label_file" if path in labels else "ending" for path in folder.others if path not in tables}
    used = {"pictures": len(pictures), "masks": len(masks - pictures), "tables": len(tables)}
    return Accounts(used, left, labels)


def _unused_pictures(paths: list[Path], folder: Folder, dataset: Dataset) -> dict[Path, Reason]:
    """Why the pictures of one folder are not used; what is no mask by its name may be one by its look."""
    if not paths:
        return {}
    reasons: dict[Path, Reason] = {}
    inside = folder.path.relative_to(dataset.given.path).parts
    named = any(is_masks(part) or plain_name(part).endswith(OF_A_CLASS) for part in inside)
    alone = [path for path in paths if path not in dataset.beside and path not in dataset.disputed_masks]
    rest: Reason = "unpaired_mask" if named or look_like_masks(alone) else "unread_folder"
    for path in paths:
        reasons[path] = "unpaired_mask" if path in dataset.disputed_masks else dataset.beside.get(path, rest)
    return reasons


def as_listed(accounts: Accounts, *, root: Path, pages: Mapping[Path, int]) -> list[LeftOut]:
    """One entry for the files of a folder that have one ending and one reason; a page is part of a file that is used."""
    counts: Counter[tuple[str, str, Reason]] = Counter()
    for path, reason in accounts.left_out.items():
        counts[_where(path, root), _ending(path), reason] += 1
    for path, more in pages.items():
        counts[_where(path, root), _ending(path), "page"] += more
    return [
        LeftOut(where=where, ending=ending, reason=reason, count=count)
        for (where, ending, reason), count in sorted(counts.items())
    ]


def _where(path: Path, root: Path) -> str:
    return name_inside(path.parent, root=root)


def _ending(path: Path) -> str:
    """The ending of a file's name; of a hidden file that it is hidden, too."""
    if not path.name.startswith("."):
        return written(path.suffix.lower())
    return written(f".*{path.suffix.lower()}" if path.suffix else path.name)
