"""The layout of VisA: <object>/Data/Images/{Normal,Anomaly} and <object>/Data/Masks/Anomaly, one object or several.

Zou et al., SPot-the-Difference Self-Supervised Pre-training for Anomaly Detection and Segmentation, ECCV 2022,
https://arxiv.org/abs/2207.14315. split_csv/1cls.csv in the root says what is trained on; without it, or with one object's
folder alone, every normal picture is. <object>/image_anno.csv names the kinds of defect of each picture.
"""

from pathlib import PurePosixPath

from engine.datasets import Item, Reading, Split
from engine.datasets.layouts import mvtec
from engine.datasets.masks import MaskFiles
from engine.datasets.names import name_inside, written
from engine.datasets.tables import rows_of
from engine.datasets.tree import Folder

SPLITS, SPLIT = "split_csv", "1cls.csv"  # the others are for learning from a few pictures of both kinds
KINDS = "image_anno.csv"


def matches(folder: Folder) -> bool:
    return not mvtec.matches(folder) and (_is_object(folder) or any(map(_is_object, folder.folders)))


def read(folder: Folder) -> Reading:
    reading = Reading()
    if _is_object(folder):
        _read_object(reading, folder, folder, trained_on=None)
        return reading
    objects = [inner for inner in folder.folders if _is_object(inner)]
    rows = rows_of(folder.path / SPLITS / SPLIT)
    splits = {row["image"]: row.get("split", "") for row in rows if "image" in row}
    trained_on = {name for name, split in splits.items() if split == "train"} if splits else None
    for inner in objects:
        _read_object(reading, folder, inner, trained_on=trained_on, prefixed=len(objects) > 1)
    if (tables := folder.inner(SPLITS)) is not None:
        reading.tables += tables.others
    return reading


def _is_object(folder: Folder) -> bool:
    return folder.inner("Data", "Images", "Normal") is not None


def _read_object(
    reading: Reading, root: Folder, folder: Folder, *, trained_on: set[str] | None, prefixed: bool = False
) -> None:
    """`trained_on` None trains on every normal picture; `prefixed` puts the object's name before its kinds of defect."""
    normal, anomaly = (folder.inner("Data", "Images", name) for name in ("Normal", "Anomaly"))
    truth = folder.inner("Data", "Masks", "Anomaly")
    masks = MaskFiles(truth.pictures if truth else [])
    kinds = _kinds(folder)
    reading.tables.append(folder.path / KINDS)
    for picture in normal.all_pictures() if normal else []:
        name = name_inside(picture, root=root.path)
        split: Split = "train" if trained_on is None or name in trained_on else "test"
        reading.items.append(Item(path=picture, name=name, split=split, label="good"))
    for picture in anomaly.all_pictures() if anomaly else []:
        kind = kinds.get(picture.name, "anomaly")
        reading.items.append(
            Item(
                path=picture,
                name=name_inside(picture, root=root.path),
                split="test",
                label="defective",
                defect_type=f"{written(folder.name)}/{kind}" if prefixed else kind,
                mask=masks.of(picture),
            )
        )


def _kinds(folder: Folder) -> dict[str, str]:
    """Kind of defect by file name; a picture with several is of the kind "combined", as in MVTec AD."""
    kinds = {}
    for row in rows_of(folder.path / KINDS):
        name, label = PurePosixPath(row.get("image", "")), row.get("label", "").strip()
        if name.parent.name == "Anomaly" and label:
            kinds[name.name] = "combined" if "," in label else label
    return kinds
