"""A folder per class: good (or normal, ok, 양품, 良品, ...) and one per defect type. Pictures alone are all good.

Tried after all other layouts: a folder of theirs may have a good one too. The classes may lie in a folder images.

Masks, where there are any: masks/<name>, masks/<type>/<name>, ground_truth/<type>/<name> or <type>_mask/<name>.
"""

from pathlib import Path

from engine.datasets import Item
from engine.datasets.folders import (
    IMAGE_NAMES,
    classes_in,
    is_good,
    mask_folders,
    mask_of,
    name_inside,
    pictures_in,
    plain_name,
    subfolders,
    written,
)


def matches(path: Path) -> bool:
    return bool(pictures_in(path, root=path, deep=False)) or has_good(path)


def has_good(path: Path) -> bool:
    """Whether one of the classes is a good one."""
    return any(map(is_good, subfolders(_home(path))))


def read(path: Path) -> list[Item]:
    classes = classes_in(_home(path), root=path)
    alone = pictures_in(path, root=path, deep=False)
    items = [_alone(path, picture, beside_good=any(map(is_good, classes))) for picture in alone]
    for folder in classes:
        items += _of_class(path, folder, classes)
    return items


def _home(path: Path) -> Path:
    """Where the classes lie: in the folder itself, or in its folder images where that has a good one."""
    for inner in subfolders(path):
        if plain_name(inner) in IMAGE_NAMES and any(map(is_good, subfolders(inner))):
            return inner
    return path


def _alone(path: Path, picture: Path, *, beside_good: bool) -> Item:
    """A picture in no folder: good, but where a folder says which ones are good it could be anything."""
    name = name_inside(picture, root=path)
    if beside_good:
        return Item(path=picture, name=name, split="test", label="unknown")
    return Item(path=picture, name=name, split="train", label="good")


def _of_class(path: Path, folder: Path, classes: list[Path]) -> list[Item]:
    good = is_good(folder)
    masks = [] if good else mask_folders(folder, places=[path, folder.parent], classes=classes, flat=True)
    return [
        Item(
            path=picture,
            name=name_inside(picture, root=path),
            split="train" if good else "test",
            label="good" if good else "defective",
            defect_type=None if good else written(folder.name),
            mask=mask_of(picture, masks, root=path),
        )
        for picture in pictures_in(folder, root=path)
    ]
