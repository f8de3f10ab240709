"""Which folders hold the pictures of one class each, and which hold masks."""

from collections.abc import Sequence
from pathlib import Path

from engine.datasets.looks import look_like_masks
from engine.datasets.names import OF_A_CLASS, is_good, is_masks, plain_name
from engine.datasets.tree import Folder


def classes_in(folder: Folder, *, root: Folder) -> list[Folder]:
    """The folders of one class each: those that hold no masks.

    Masks are in folders named so, in <class>_mask or <class>_masks beside the class, and in folders whose pictures all
    look like masks beside a good one whose pictures do not. Whatever has masks of its own, such as ground_truth/mask, is
    a class under any name.
    """
    named = [
        each
        for place in {folder.path: folder, root.path: root}.values()
        for each in place.folders
        if is_masks(each.name)
    ]
    have_masks: dict[str, set[Path]] = {}  # names of the folders inside folders of masks
    for masks in named:
        for each in masks.folders:
            have_masks.setdefault(each.name, set()).add(masks.path)
    of_classes = {f"{plain_name(each.name)}{ending}" for each in folder.folders for ending in OF_A_CLASS}
    looking = {each.path for each in _looking_like_masks(folder.folders)}
    return [
        each
        for each in folder.folders
        if not (is_masks(each.name) or plain_name(each.name) in of_classes or each.path in looking)
        or have_masks.get(each.name, set()) - {each.path}
    ]


def _looking_like_masks(folders: Sequence[Folder]) -> list[Folder]:
    """Those whose pictures look like masks; none where good ones, or those of all folders, look so too."""
    filled = [each for each in folders if each.has_pictures()]
    found = [each for each in filled if look_like_masks(each.all_pictures())]
    return [] if len(found) == len(filled) or any(is_good(each.name) for each in found) else found
