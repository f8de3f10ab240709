"""The layout of MVTec AD: train/good, test/<type>, ground_truth/<type>/<name>_mask.png.

Bergmann et al., MVTec AD, CVPR 2019, https://doi.org/10.1109/CVPR.2019.00982. Pictures right inside train are good,
those right inside test have no label. Good ones in validation, where it exists, are learnt from: parts are made anew.
A category of BTAD (Mishra et al., ISIE 2021, https://arxiv.org/abs/2104.10036) is laid out alike: train/ok, test/{ok,ko},
ground_truth/ko.
"""

from pathlib import Path
from typing import Any

from engine.datasets import Item, Label, Split
from engine.datasets.folders import (
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

TRAIN, TEST, VALIDATION = ("train", "training"), ("test", "testing"), ("validation", "val", "valid")


def matches(path: Path) -> bool:
    train = _named(path, *TRAIN)
    if train is None:
        return False
    return any(map(is_good, subfolders(train))) or bool(pictures_in(train, root=path, deep=False))


def read(path: Path) -> list[Item]:
    train, test = _named(path, *TRAIN), _named(path, *TEST)
    assert train is not None
    items = [_item(path, picture, "train", "good") for picture in pictures_in(train, root=path, deep=False)]
    if test is not None:
        items += [_item(path, picture, "test", "unknown") for picture in pictures_in(test, root=path, deep=False)]
    for split in (train, _named(path, *VALIDATION), test):
        classes = classes_in(split, root=path) if split else []
        for folder in classes:
            items += _of_type(path, folder, classes, is_train=split is not test)
    return items


def _of_type(path: Path, folder: Path, classes: list[Path], *, is_train: bool) -> list[Item]:
    """Defective pictures that lie in train are tested with: nothing is trained on them."""
    pictures = pictures_in(folder, root=path)
    if is_good(folder):
        return [_item(path, picture, "train" if is_train else "test", "good") for picture in pictures]
    folders = mask_folders(folder, places=[path, folder.parent], classes=classes)
    return [
        _item(
            path,
            picture,
            "test",
            "defective",
            defect_type=written(folder.name),
            mask=mask_of(picture, folders, root=path),
        )
        for picture in pictures
    ]


def _item(path: Path, picture: Path, split: Split, label: Label, **more: Any) -> Item:
    return Item(path=picture, name=name_inside(picture, root=path), split=split, label=label, **more)


def _named(path: Path, *names: str) -> Path | None:
    return next((folder for folder in subfolders(path) if plain_name(folder) in names), None)
