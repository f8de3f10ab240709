"""`open_dataset` finds out how a folder is laid out and reads it."""

from collections import Counter
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from engine.datasets import Dataset, Item, Label, Reading, UnreadableDataset, layouts
from engine.datasets.groups import with_groups
from engine.datasets.licences import LICENCE_FILES, licence_of
from engine.datasets.names import DEFECT_WORDS, TEST_WORDS, is_good, means_defect, means_test, plain_name, written
from engine.datasets.tables import json_of
from engine.datasets.tree import Folder, look_into

LAST = "folder"  # the layout that reads what no other recognises
ABOUT = "murascope.json"


def open_dataset(path: Path) -> Dataset:
    """Read a data set's folder. A folder without any pictures gives a data set without items.

    Raises:
        UnreadableDataset: there is no such folder, or its murascope.json cannot be followed.
    """
    if not path.is_dir():
        hint = "give the whole path of the folder that holds the pictures"
        raise UnreadableDataset("missing", f"there is no data set folder {path}", hint, path=str(path))
    given = look_into(path)
    around, root, layout = _find(given)
    about = json_of(root.path / ABOUT) or json_of(path / ABOUT)
    title = about.get("title")
    name = layout.__name__.rpartition(".")[2]
    reading: Reading = layout.read(root)
    items = sorted(_as_named_around(reading.items, around), key=lambda item: item.name)
    items, disputed = _without_disputed_masks(items)
    items, tables = with_groups(items, root.path, about)
    about_it = {path / ABOUT, root.path / ABOUT, *tables, *reading.tables}
    about_it |= {each for folder in (given, root) for each in folder.others if each.name.lower() in LICENCE_FILES}
    return Dataset(
        name=path.name,
        path=root.path,
        layout=name,
        items=items,
        given=given,
        around=tuple(around),
        synthetic=about.get("synthetic") is True,
        title=title if isinstance(title, str) else None,
        licence=licence_of(root.path, name, items, about, around=path),
        disputed_masks=disputed,
        masks_of_good=reading.masks_of_good,
        beside=reading.beside,
        read=frozenset(about_it),
        unclear=tuple(reading.unclear),
        alike=tuple(reading.alike),
    )


def _find(given: Folder) -> tuple[list[str], Folder, ModuleType]:
    """The names of the folders around the data set, the folder that holds it, and its layout.

    Folders with a single one inside are looked through, as archives often have one. What no layout recognises there is read as
    classes, none of them good.
    """
    names = [module.name for module in iter_modules(layouts.__path__) if module.name != LAST]
    modules = [import_module(f"{layouts.__name__}.{name}") for name in (*names, LAST)]
    root, around = given, [given.name]
    while True:
        for module in modules:
            if module.matches(root):
                return around, root, module
        inner = [folder for folder in root.folders if folder.has_pictures()]
        if len(inner) != 1:
            return around, root, modules[-1]
        root = inner[0]
        around.append(root.name)


def _as_named_around(items: list[Item], around: list[str]) -> list[Item]:
    """Pictures in no folder are good only if none of the folders that they lie in, and that were looked through, is called
    after defects or after a test: it is lost with the name that they are. The folder that was asked for counts too."""
    given, looked_through = around[:1], around[1:]
    is_defective = any(plain_name(name) in DEFECT_WORDS for name in given) or any(map(means_defect, looked_through))
    is_test = looked_through and (
        any(plain_name(name) in TEST_WORDS for name in given) or any(map(means_test, looked_through))
    )
    if not is_defective and not is_test:
        return items
    label: Label = "defective" if is_defective else "unknown"
    kind = written(around[-1]) if is_defective else None
    lost = [assumed_good(item) and "/" not in item.name for item in items]
    return [
        replace(item, split="test", label=label, defect_type=kind) if is_lost else item
        for item, is_lost in zip(items, lost, strict=True)
    ]


def assumed_good(item: Item) -> bool:
    """Whether nothing but the want of a folder called good says that a picture is good."""
    return item.split == "train" and item.label == "good" and not any(map(is_good, item.name.split("/")[:-1]))


def _without_disputed_masks(items: list[Item]) -> tuple[list[Item], tuple[Path, ...]]:
    """The items without the masks that several pictures are named like, and those masks."""
    claims = Counter(item.mask for item in items if item.mask)
    disputed = {mask for mask, count in claims.items() if count > 1}
    kept = [replace(item, mask=None) if item.mask in disputed else item for item in items]
    return kept, tuple(sorted(disputed))
