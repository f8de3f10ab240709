"""What the layouts share: which folder means good, which files are pictures, which mask belongs to which picture."""

import csv
import os
import unicodedata
from pathlib import Path

from engine.datasets.pictures import SUFFIXES

GOOD_NAMES = {
    "good", "goods", "normal", "ok", "pass", "free", "defect_free", "no_defect", "양품", "정상", "良品", "合格", "正常",
}  # fmt: skip
MASK_NAMES = {"ground_truth", "groundtruth", "gt", "masks", "mask"}
MASK_ENDINGS = ("_mask", "_masks")  # after the name of a class
IMAGE_NAMES = {"images", "image", "imgs", "img"}


def is_good(folder: Path) -> bool:
    return plain_name(folder) in GOOD_NAMES


def is_masks(folder: Path) -> bool:
    """By its name alone. What is called shadow_mask may be a defect of one: see `classes_in`."""
    return plain_name(folder) in MASK_NAMES


def classes_in(folder: Path, *, root: Path) -> list[Path]:
    """The folders of one class each: those that hold no masks.

    Masks are in folders named so, and in <class>_mask or <class>_masks beside the class. Whatever has masks of its own,
    such as ground_truth/mask, is a class under any name.
    """
    inner = subfolders(folder)
    masks = [each for place in {folder, root} for each in subfolders(place) if is_masks(each)]
    of_classes = {f"{plain_name(each)}{ending}" for each in inner for ending in MASK_ENDINGS}
    return [
        each
        for each in inner
        if not (is_masks(each) or plain_name(each) in of_classes)
        or any((other / each.name).is_dir() for other in masks if other != each)
    ]


def mask_folders(folder: Path, *, places: list[Path], classes: list[Path], flat: bool = False) -> list[Path]:
    """Where in some places the masks of a class may lie, the most particular first; never where a class's pictures are.

    `flat` takes masks that lie in no folder of their class too.
    """
    named = [f"{plain_name(folder)}{ending}" for ending in MASK_ENDINGS]
    there = [each for place in dict.fromkeys(places) for each in subfolders(place) if each not in classes]
    shared = [each for each in there if is_masks(each)]
    own = [each for each in there if plain_name(each) in named]
    return [*own, *(masks / folder.name for masks in shared), *(shared if flat else [])]


def plain_name(path: Path) -> str:
    """Lower case, one way of writing: some systems store Korean letters in pieces."""
    return unicodedata.normalize("NFC", path.name).strip().lower().replace(" ", "_").replace("-", "_")


def subfolders(folder: Path) -> list[Path]:
    """Visible folders, in the order of their names; links are not followed."""
    if not folder.is_dir():
        return []
    visible = [child for child in folder.iterdir() if not child.is_symlink() and not _hidden(child.name)]
    return sorted(child for child in visible if child.is_dir())


def pictures_in(folder: Path, *, root: Path, deep: bool = True) -> list[Path]:
    """Picture files in a folder, those of its folders too when `deep`, in the order of their paths.

    A link is taken only when it leads to a file inside `root`, the data set.
    """
    if not folder.is_dir():
        return []
    found = []
    inside = root.resolve()
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if deep and not _hidden(name)]
        for name in files:
            path = Path(parent) / name
            if path.suffix.lower() in SUFFIXES and not _hidden(name) and _stays_inside(path, inside):
                found.append(path)
    return sorted(found)


def name_inside(picture: Path, *, root: Path) -> str:
    """The picture's path inside the data set, written with /."""
    return written(picture.relative_to(root).as_posix())


def written(name: str) -> str:
    """A file's name as text; a byte that is no UTF-8 becomes %FF or the like, so that different names stay different."""
    return "".join(f"%{ord(sign) - 0xDC00:02X}" if "\udc80" <= sign <= "\udcff" else sign for sign in name)


def mask_of(picture: Path, folders: list[Path], *, root: Path) -> Path | None:
    """The mask named like the picture, with or without `_mask`, in the first of the folders that has one."""
    inside = root.resolve()
    for folder in folders:
        for stem in (f"{picture.stem}_mask", picture.stem):
            for suffix in (".png", *sorted(SUFFIXES)):
                path = folder / f"{stem}{suffix}"
                if path.is_file() and path != picture and _stays_inside(path, inside):
                    return path
    return None


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a table in CSV, by column in lower case; none where there is no such file or it is no table."""
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            rows = csv.DictReader(file, restkey="", restval="")
            return [{k.strip().lower(): v.strip() for k, v in row.items() if k} for row in rows]
    except (OSError, csv.Error):
        return []


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _stays_inside(path: Path, inside: Path) -> bool:
    """Whether it is a plain file (a pipe would never end), and one inside the data set where it is a link."""
    try:
        return path.is_file() and (not path.is_symlink() or path.resolve().is_relative_to(inside))
    except (OSError, RuntimeError):  # a link that leads to itself
        return False
