"""Classes that the data set splits itself: train/<class>, test/<class>, or <class>/train, <class>/test; validation too.

With good pictures in train it is the layout of MVTec AD, which is read in the same way. What is in a part stays in it where classes
are told apart; good pictures are learnt from and the others tested with where defects are found.
"""

from engine.contract.data import Part
from engine.datasets import Reading
from engine.datasets.classes import classes_in
from engine.datasets.layouts import mvtec, visa
from engine.datasets.masks import MaskFolders
from engine.datasets.names import is_good, part_of, written
from engine.datasets.reading import read_pictures
from engine.datasets.tree import Folder


def matches(folder: Folder) -> bool:
    if mvtec.matches(folder) or visa.matches(folder):
        return False
    return _holds_parts(folder) or bool(_split_classes(folder))


def read(folder: Folder) -> Reading:
    return mvtec.read(folder) if _holds_parts(folder) else _read_classes(folder)


def _holds_parts(folder: Folder) -> bool:
    """Parts and nothing else besides masks, one of them with classes. A single part is looked through as any single folder."""
    if not any(part_of(each.name) for each in folder.folders) or len(_filled(folder)) == 1:
        return False
    filled = [each for each in classes_in(folder, root=folder) if each.has_pictures()]
    return all(part_of(each.name) for each in filled) and any(_filled(each) for each in filled)


def _split_classes(folder: Folder) -> dict[Folder, list[tuple[Part, Folder]]]:
    """Two classes or more with the folders of their parts, where all that have folders inside have these alone."""
    if not any(part_of(inner.name) for each in folder.folders for inner in each.folders):
        return {}
    found = {each: _parts(each) for each in classes_in(folder, root=folder) if each.has_pictures()}
    parts = {part for of_class in found.values() for part, _ in of_class}
    is_split = len(found) > 1 and "train" in parts and len(parts) > 1
    whole = all(len(_filled(each)) == len(of_class) and not part_of(each.name) for each, of_class in found.items())
    return found if is_split and whole else {}


def _parts(folder: Folder) -> list[tuple[Part, Folder]]:
    """Its folders that are parts and hold pictures, not classes."""
    named = [(part_of(each.name), each) for each in folder.folders if each.pictures]
    return [(part, each) for part, each in named if part]


def _read_classes(folder: Folder) -> Reading:
    reading = Reading()
    classes = _split_classes(folder)
    read_pictures(reading, folder, root=folder, split="test", label="unknown", deep=False)
    masks = MaskFolders([folder], [*classes], flat=True)
    for each, parts in classes.items():
        kind = None if is_good(each.name) else written(each.name)
        places: list[tuple[Part, Folder]] = [("train", each), *parts]  # those that lie in no part are learnt from
        for part, place in places:
            read_pictures(
                reading,
                place,
                root=folder,
                split="test" if kind or part == "test" else "train",
                label="defective" if kind else "good",
                defect_type=kind,
                masks=masks if kind else None,
                of_class=each,
                part=part,
                deep=place is not each,
            )
    return reading


def _filled(folder: Folder) -> list[Folder]:
    return [each for each in folder.folders if each.has_pictures()]
