"""Several data sets side by side, such as the whole of MVTec AD or BTAD: one folder per category, each laid out by itself.

A category is laid out as MVTec AD, or as a folder per class with a good one. Defect types are named
"category/defect". One model then learns all categories.
"""

from dataclasses import replace
from pathlib import Path
from types import ModuleType

from engine.datasets import Item
from engine.datasets.folders import IMAGE_NAMES, classes_in, name_inside, plain_name, subfolders, written
from engine.datasets.layouts import folder as classes
from engine.datasets.layouts import mvtec, visa

PARTS = {"train", "training", "test", "testing", "val", "valid", "validation", *IMAGE_NAMES}  # of one data set


def matches(path: Path) -> bool:
    """Two categories or more. A good folder beside them, or one that is part of a data set, makes it a single one."""
    if mvtec.matches(path) or visa.matches(path) or classes.has_good(path):
        return False
    if any(plain_name(inner) in PARTS for inner in subfolders(path)):
        return False
    return len(_categories(path)) > 1


def read(path: Path) -> list[Item]:
    items = []
    for category, layout in _categories(path).items():
        for item in layout.read(category):
            defect_type = f"{written(category.name)}/{item.defect_type}" if item.defect_type else None
            items.append(replace(item, name=name_inside(item.path, root=path), defect_type=defect_type))
    return items


def _categories(path: Path) -> dict[Path, ModuleType]:
    """The folders that are data sets themselves, and their layouts."""
    found: dict[Path, ModuleType] = {}
    for inner in classes_in(path, root=path):
        if mvtec.matches(inner):
            found[inner] = mvtec
        elif classes.has_good(inner):
            found[inner] = classes
    return found
