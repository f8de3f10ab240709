"""`open_dataset` finds out how a folder is laid out and reads it."""

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from types import ModuleType

from engine.datasets import Dataset, Item, layouts
from engine.datasets.folders import pictures_in, subfolders
from engine.datasets.groups import with_groups
from engine.datasets.licences import licence_of

LAST = "folder"  # the layout that reads what no other recognises
WRAPPERS = 2  # folders around the data set that are looked through, as archives often have one


def open_dataset(path: Path) -> Dataset:
    """Read a data set's folder; nothing is decoded. A folder without any pictures gives a data set without items.

    Raises:
        LookupError: there is no such folder, or its murascope.json cannot be followed.
    """
    if not path.is_dir():
        raise LookupError(f"there is no data set folder {path}")
    root, layout = _find(path)
    about = _about(root) or _about(path)
    title = about.get("title")
    name = layout.__name__.rpartition(".")[2]
    items, disputed = _without_disputed_masks(sorted(layout.read(root), key=lambda item: item.name))
    return Dataset(
        name=path.name,
        path=root,
        layout=name,
        items=with_groups(items, root, about),
        synthetic=about.get("synthetic") is True,
        title=title if isinstance(title, str) else None,
        licence=licence_of(root, name, items, about, around=path),
        disputed_masks=disputed,
    )


def _find(path: Path) -> tuple[Path, ModuleType]:
    """The folder that holds the data set and its layout. Unrecognised ones are read as classes, none of them good."""
    names = [module.name for module in iter_modules(layouts.__path__) if module.name != LAST]
    modules = [import_module(f"{layouts.__name__}.{name}") for name in (*names, LAST)]
    root = path
    for _ in range(WRAPPERS + 1):
        for module in modules:
            if module.matches(root):
                return root, module
        inner = [folder for folder in subfolders(root) if pictures_in(folder, root=path)]
        if len(inner) != 1:
            break
        root = inner[0]
    return path, modules[-1]


def _without_disputed_masks(items: list[Item]) -> tuple[list[Item], tuple[Path, ...]]:
    """The items without the masks that pictures of several defect types are named like, and those masks."""
    claims: dict[Path, set[str | None]] = {}
    for item in items:
        if item.mask:
            claims.setdefault(item.mask, set()).add(item.defect_type)
    disputed = {mask for mask, types in claims.items() if len(types) > 1}
    kept = [replace(item, mask=None) if item.mask in disputed else item for item in items]
    return kept, tuple(sorted(disputed))


def _about(root: Path) -> dict[str, object]:
    """What an optional murascope.json says of the data set; {} when there is none or it is no JSON object."""
    try:
        about = json.loads((root / "murascope.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):  # the last for brackets in brackets in brackets
        return {}
    return about if isinstance(about, dict) else {}
