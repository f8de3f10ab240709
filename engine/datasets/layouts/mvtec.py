"""The layout of MVTec AD: train/good, test/<type>, ground_truth/<type>/<name>_mask.png.

Bergmann et al., MVTec AD, CVPR 2019, https://doi.org/10.1109/CVPR.2019.00982. Pictures right inside train are good,
those right inside test have no label. Good ones in validation, where it exists, are learnt from: parts are made anew.
A category of BTAD (Mishra et al., ISIE 2021, https://arxiv.org/abs/2104.10036) is laid out alike: train/ok, test/{ok,ko},
ground_truth/ko. One of MVTec AD 2 (Heckler-Kram et al., 2025, https://arxiv.org/abs/2503.21622) has its labelled
pictures and their masks in test_public; what else there is has no labels and is left out.
"""

from engine.datasets import Reading
from engine.datasets.classes import classes_in
from engine.datasets.masks import MaskFolders
from engine.datasets.names import is_good, plain_name, written
from engine.datasets.reading import read_pictures
from engine.datasets.tree import Folder

TRAIN, VALIDATION = ("train", "training"), ("validation", "val", "valid")
TEST = ("test", "testing", "test_public")


def matches(folder: Folder) -> bool:
    train = _named(folder, *TRAIN)
    return train is not None and (any(is_good(each.name) for each in train.folders) or bool(train.pictures))


def read(folder: Folder) -> Reading:
    reading = Reading()
    train, test = _named(folder, *TRAIN), _named(folder, *TEST)
    assert train is not None
    read_pictures(reading, train, root=folder, split="train", label="good", deep=False)
    if test is not None:
        read_pictures(reading, test, root=folder, split="test", label="unknown", deep=False)
    for part in (train, _named(folder, *VALIDATION), test):
        classes = classes_in(part, root=folder) if part else []
        masks = MaskFolders([folder, part], classes) if part else None
        for each in classes:
            if is_good(each.name):
                read_pictures(reading, each, root=folder, split="test" if part is test else "train", label="good")
            else:  # those that lie in train are tested with too: nothing is trained on them
                kind = written(each.name)
                read_pictures(
                    reading, each, root=folder, split="test", label="defective", defect_type=kind, masks=masks
                )
    return reading


def _named(folder: Folder, *names: str) -> Folder | None:
    return next((each for each in folder.folders if plain_name(each.name) in names), None)
