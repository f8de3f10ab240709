"""A folder per class: good (or normal, ok, 양품, 良品, ...) and one per defect type. Pictures alone are all good.

Tried after all other layouts: a folder of theirs may have a good one too. The classes may lie in a folder images.

Masks, where there are any: masks/<name>, masks/<type>/<name>, ground_truth/<type>/<name> or <type>_mask/<name>, or beside
their pictures.
"""

from engine.datasets import Reading
from engine.datasets.classes import classes_in
from engine.datasets.masks import MaskFolders
from engine.datasets.names import IMAGES, is_good, plain_name, written
from engine.datasets.reading import read_pictures
from engine.datasets.tree import Folder


def matches(folder: Folder) -> bool:
    return bool(folder.pictures) or has_good(folder)


def has_good(folder: Folder) -> bool:
    """Whether one of the classes is a good one."""
    return any(is_good(each.name) for each in _home(folder).folders)


def read(folder: Folder) -> Reading:
    reading = Reading()
    home = _home(folder)
    classes = classes_in(home, root=folder)
    if any(is_good(each.name) for each in classes):  # a picture in no folder could be anything
        read_pictures(reading, folder, root=folder, split="test", label="unknown", deep=False)
    else:
        read_pictures(reading, folder, root=folder, split="train", label="good", deep=False)
    masks = MaskFolders([folder, home], classes, flat=True)
    for each in classes:
        if is_good(each.name):
            read_pictures(reading, each, root=folder, split="train", label="good")
        else:
            kind = written(each.name)
            read_pictures(reading, each, root=folder, split="test", label="defective", defect_type=kind, masks=masks)
    return reading


def _home(folder: Folder) -> Folder:
    """Where the classes lie: in the folder itself, or in its folder images where that has a good one."""
    for inner in folder.folders:
        if plain_name(inner.name) in IMAGES and any(is_good(each.name) for each in inner.folders):
            return inner
    return folder
