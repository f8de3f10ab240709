"""The layout of MVTec AD: train/good, test/<type>, ground_truth/<type>/<name>_mask.png.

Bergmann et al., MVTec AD, CVPR 2019, https://doi.org/10.1109/CVPR.2019.00982. Pictures right inside train are good,
those right inside test have no label. Good ones in validation, where it exists, are learnt from: parts are made anew.
A category of BTAD (Mishra et al., ISIE 2021, https://arxiv.org/abs/2104.10036) is laid out alike: train/ok, test/{ok,ko},
ground_truth/ko. One of MVTec AD 2 (Heckler-Kram et al., 2025, https://arxiv.org/abs/2503.21622) has its labelled
pictures and their masks in test_public; what else there is has no labels and is left out.
"""

from engine.contract.data import Part
from engine.datasets import Reading, Split
from engine.datasets.classes import classes_in
from engine.datasets.masks import MaskFolders
from engine.datasets.names import is_good, part_of, written
from engine.datasets.reading import read_pictures
from engine.datasets.tree import Folder


def matches(folder: Folder) -> bool:
    trains = parts_of(folder).get("train", [])
    return any(bool(train.pictures) or any(is_good(each.name) for each in train.folders) for train in trains)


def read(folder: Folder) -> Reading:
    reading = Reading()
    parts = parts_of(folder)
    for train in parts.get("train", []):
        read_pictures(reading, train, root=folder, split="train", label="good", part="train", deep=False)
    for test in parts.get("test", []):
        read_pictures(reading, test, root=folder, split="test", label="unknown", part="test", deep=False)
    for part, place in ((part, place) for part, places in parts.items() for place in places):
        classes = classes_in(place, root=folder)
        masks = MaskFolders([folder, place], classes)
        held_out = part == "test" and "train" in parts
        for each in classes:
            if is_good(each.name):
                split: Split = "test" if held_out else "train"
                read_pictures(reading, each, root=folder, split=split, label="good", part=part)
            else:  # those that lie in train are tested with too: no detector is trained on them
                kind = written(each.name)
                read_pictures(
                    reading,
                    each,
                    root=folder,
                    split="test",
                    label="defective",
                    defect_type=kind,
                    masks=masks,
                    part=part,
                )
    return reading


def parts_of(folder: Folder) -> dict[Part, list[Folder]]:
    """Its folders that are called after a part of a data set."""
    found: dict[Part, list[Folder]] = {}
    for each in folder.folders:
        if part := part_of(each.name):
            found.setdefault(part, []).append(each)
    return found
