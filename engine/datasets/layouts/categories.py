"""Several data sets side by side, such as the whole of MVTec AD or BTAD: one folder per category, each laid out by itself.

A category is laid out as MVTec AD, or as a folder per class with a good one. Defect types are named
"category/defect". One model then learns all categories.
"""

from dataclasses import replace
from types import ModuleType

from engine.datasets import Reading
from engine.datasets.classes import classes_in
from engine.datasets.layouts import folder as classes
from engine.datasets.layouts import mvtec, splits, visa
from engine.datasets.names import IMAGES, name_inside, part_of, plain_name, written
from engine.datasets.tree import Folder


def matches(folder: Folder) -> bool:
    """Two categories or more. A good folder beside them, or one that is part of a data set, makes it a single one."""
    if any(layout.matches(folder) for layout in (mvtec, visa, splits)) or classes.has_good(folder):
        return False
    if any(part_of(inner.name) or plain_name(inner.name) in IMAGES for inner in folder.folders):
        return False
    return len(_categories(folder)) > 1


def read(folder: Folder) -> Reading:
    whole = Reading()
    for category, layout in _categories(folder).items():
        reading = layout.read(category)
        for item in reading.items:
            defect_type = f"{written(category.name)}/{item.defect_type}" if item.defect_type else None
            name = name_inside(item.path, root=folder.path)
            whole.items.append(replace(item, name=name, defect_type=defect_type))
        whole.masks_of_good |= reading.masks_of_good
        whole.beside |= reading.beside
        whole.unclear += reading.unclear
        whole.alike += reading.alike
    return whole


def _categories(folder: Folder) -> dict[Folder, ModuleType]:
    """The folders that are data sets themselves, and their layouts."""
    found: dict[Folder, ModuleType] = {}
    for inner in classes_in(folder, root=folder):
        if mvtec.matches(inner):
            found[inner] = mvtec
        elif classes.has_good(inner):
            found[inner] = classes
    return found
