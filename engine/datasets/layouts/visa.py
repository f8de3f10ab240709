"""The layout of VisA: <object>/Data/Images/{Normal,Anomaly} and <object>/Data/Masks/Anomaly, one object or several.

Zou et al., SPot-the-Difference Self-Supervised Pre-training for Anomaly Detection and Segmentation, ECCV 2022,
https://arxiv.org/abs/2207.14315. split_csv/1cls.csv in the root says what is trained on; without it, or with one object's
folder alone, every normal picture is. <object>/image_anno.csv names the kinds of defect of each picture.
"""

from pathlib import Path, PurePosixPath

from engine.datasets import Item, Split
from engine.datasets.folders import mask_of, name_inside, pictures_in, rows_of, subfolders, written
from engine.datasets.layouts import mvtec

SPLIT = Path("split_csv/1cls.csv")  # the others are for learning from a few pictures of both kinds


def matches(path: Path) -> bool:
    return not mvtec.matches(path) and (_is_object(path) or any(map(_is_object, subfolders(path))))


def read(path: Path) -> list[Item]:
    if _is_object(path):
        return _of_object(path, path, trained_on=None)
    objects = [folder for folder in subfolders(path) if _is_object(folder)]
    splits = {row["image"]: row.get("split", "") for row in rows_of(path / SPLIT) if "image" in row}
    trained_on = {name for name, split in splits.items() if split == "train"} if splits else None
    prefixed = len(objects) > 1
    return [item for folder in objects for item in _of_object(path, folder, trained_on=trained_on, prefixed=prefixed)]


def _is_object(path: Path) -> bool:
    return (path / "Data" / "Images" / "Normal").is_dir()


def _of_object(path: Path, folder: Path, *, trained_on: set[str] | None, prefixed: bool = False) -> list[Item]:
    """`trained_on` None trains on every normal picture; `prefixed` puts the object's name before its kinds of defect."""
    images, masks = folder / "Data" / "Images", [folder / "Data" / "Masks" / "Anomaly"]
    kinds = _kinds(folder)
    items = []
    for picture in pictures_in(images / "Normal", root=path):
        name = name_inside(picture, root=path)
        split: Split = "train" if trained_on is None or name in trained_on else "test"
        items.append(Item(path=picture, name=name, split=split, label="good"))
    for picture in pictures_in(images / "Anomaly", root=path):
        kind = kinds.get(picture.name, "anomaly")
        items.append(
            Item(
                path=picture,
                name=name_inside(picture, root=path),
                split="test",
                label="defective",
                defect_type=f"{written(folder.name)}/{kind}" if prefixed else kind,
                mask=mask_of(picture, masks, root=path),
            )
        )
    return items


def _kinds(folder: Path) -> dict[str, str]:
    """Kind of defect by file name; a picture with several is of the kind "combined", as in MVTec AD."""
    kinds = {}
    for row in rows_of(folder / "image_anno.csv"):
        name, label = PurePosixPath(row.get("image", "")), row.get("label", "").strip()
        if name.parent.name == "Anomaly" and label:
            kinds[name.name] = "combined" if "," in label else label
    return kinds
