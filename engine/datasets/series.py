"""Several files of one picture: its mask beside it or in a folder beside, its depth, and which of them is the picture.

Files that are named alike are told apart by what they look like, so that no mask counts as a defective picture.
"""

from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from engine.contract.pictures import read_header
from engine.datasets.looks import look_like_masks, look_like_pictures, spread
from engine.datasets.masks import MaskFiles, cores, plain_stem
from engine.datasets.names import CHANNELS, is_masks, plain_name
from engine.datasets.tree import Folder

MOST_NAMED_ALIKE = 0.9  # of the files of a folder, where it holds another channel of the pictures of the folder beside


@dataclass
class Series:
    """The files of a class. `masks` are those of `pictures`; `unpaired` look like masks and fit none; `channels` show the
    same as the pictures in another way, such as their depth; `unclear` are folders of which nobody can tell which is which,
    `alike` ones whose pictures are named after others in or around them."""

    pictures: list[Path]
    masks: dict[Path, Path] = field(default_factory=dict)
    unpaired: list[Path] = field(default_factory=list)
    channels: list[Path] = field(default_factory=list)
    unclear: list[Path] = field(default_factory=list)
    alike: list[Path] = field(default_factory=list)


def sort_out(folder: Folder, *, deep: bool = True) -> Series:
    """The pictures of a folder, those of the folders below too when `deep`, apart from what belongs to them."""
    found = Series(folder.all_pictures() if deep else list(folder.pictures))
    for each in folder.walk() if deep else [folder]:
        _beside(each.pictures, found)
    for each in folder.walk() if deep else []:
        _in_folders_beside(each, found)
    left = {*found.masks.values(), *found.unpaired, *found.channels}
    found.pictures = [path for path in found.pictures if path not in left]
    found.masks = {picture: mask for picture, mask in found.masks.items() if picture not in left}
    return found


def _beside(paths: list[Path], found: Series) -> None:
    """Masks in the folder of their pictures: of the same name with another ending, or with a word before or after it."""
    by_stem: dict[str, list[Path]] = {}
    for path in paths:
        by_stem.setdefault(plain_stem(path), []).append(path)
    pairs: dict[tuple[str, str], list[tuple[Path, Path]]] = {}  # by ending and the word that tells: mask, picture
    for path in paths:
        others = [("", other) for other in by_stem[plain_stem(path)]]
        others += [(affix, other) for core, affix in cores(path) for other in by_stem.get(core, [])]
        for affix, other in others:
            if other != path:
                pairs.setdefault((affix, path.suffix.lower()), []).append((path, other))
    for (affix, _), of_series in pairs.items():
        masks, pictures = [mask for mask, _ in of_series], [picture for _, picture in of_series]
        named = is_masks(affix.strip("_-. "))
        if (named or look_like_masks(masks, named_so=True)) and look_like_pictures(pictures):
            for mask, picture in of_series:
                if found.masks.setdefault(picture, mask) != mask:
                    found.unpaired.append(mask)
        elif affix and paths[0].parent not in found.alike:
            found.alike.append(paths[0].parent)


def _in_folders_beside(parent: Folder, found: Series) -> None:
    """Masks and other channels in a folder beside that of the pictures, or inside it."""
    beside = [each for each in parent.folders if each.has_pictures()]
    if not beside or len(beside) + bool(parent.pictures) < 2:
        return
    files = {each.path: each.all_pictures() for each in beside}
    masks = [each for each in beside if is_masks(each.name) or look_like_masks(files[each.path], named_so=True)]
    masks = [each for each in masks if _named_alike(each, beside, parent, files) or look_like_masks(files[each.path])]
    aside = {each.path for each in masks}
    rest = [each for each in beside if each.path not in aside]
    pictures = [path for each in rest for path in files[each.path]] + parent.pictures
    if not look_like_pictures(pictures):
        return
    for each in masks:
        index = MaskFiles(files[each.path])
        paired = {picture: mask for picture in pictures if (mask := index.of(picture))}
        found.masks |= {picture: mask for picture, mask in paired.items() if picture not in found.masks}
        found.unpaired += sorted(set(files[each.path]) - set(paired.values()))
    _other_channels(rest, files, found)
    _copies_inside(parent, rest, files, found)


def _named_alike(folder: Folder, beside: list[Folder], parent: Folder, files: dict[Path, list[Path]]) -> bool:
    """Whether at least half of a folder's files are named after files of the folders beside, or of the one around."""
    others = [path for each in beside if each is not folder for path in files[each.path]] + parent.pictures
    stems = set(map(plain_stem, others))
    alike = sum(bool({plain_stem(path), *(core for core, _ in cores(path))} & stems) for path in files[folder.path])
    return 2 * alike >= len(files[folder.path])


def _other_channels(beside: list[Folder], files: dict[Path, list[Path]], found: Series) -> None:
    """Of folders whose files have the same names, one holds the pictures: that which is called so."""
    stems = {each.path: set(map(plain_stem, files[each.path])) for each in beside}
    chosen = [each for each in beside if plain_name(each.name) in CHANNELS]
    for each in beside:
        if len(chosen) == 1 and each is not chosen[0]:
            shared = stems[each.path] & stems[chosen[0].path]
            if len(shared) >= MOST_NAMED_ALIKE * len(stems[each.path]):
                found.channels += files[each.path]
    if len(chosen) != 1:
        for one, other in pairwise(beside):
            shared = stems[one.path] & stems[other.path]
            alike = len(shared) >= MOST_NAMED_ALIKE * max(len(stems[one.path]), len(stems[other.path]))
            if alike and _depth(files[one.path]) != _depth(files[other.path]):
                found.unclear += [one.path, other.path]


def _copies_inside(parent: Folder, beside: list[Folder], files: dict[Path, list[Path]], found: Series) -> None:
    """Smaller copies, or whatever else is named like the pictures of the folder around, are taken as pictures, and told."""
    stems = set(map(plain_stem, parent.pictures))
    for each in beside:
        shared = stems & set(map(plain_stem, files[each.path]))
        if len(shared) >= MOST_NAMED_ALIKE * len(files[each.path]):
            found.alike.append(each.path)


def _depth(paths: list[Path]) -> set[int]:
    return {read_header(path).bits for path in spread(paths)}
