"""Which mask belongs to which picture: by the names of files, and by the folders they lie in."""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePath

from engine.contract.picture_files import SUFFIXES
from engine.datasets.looks import look_like_masks
from engine.datasets.names import OF_A_CLASS, is_masks, plain_name
from engine.datasets.tree import Folder

ENDING = re.compile(r"(?P<core>.+?)(?P<affix>[_\-. ]+[^\W\d_]{1,12})$")  # such as 001_GT
BEGINNING = re.compile(r"(?P<affix>[^\W\d_]{1,12}[_\-. ]+)(?P<core>.+)$")  # such as mask_001
SUFFIX_ORDER = [".png", *sorted(SUFFIXES)]


class MaskFolders:
    """Where in some places the masks of a class may lie; never where a class's pictures are.

    `flat` takes masks that lie in no folder of their class too.
    """

    def __init__(self, places: Sequence[Folder], classes: Sequence[Folder], *, flat: bool = False):
        pictures = {each.path for each in classes}
        there = [each for place in _each_once(places) for each in place.folders if each.path not in pictures]
        self._shared = [each for each in there if is_masks(each.name) or look_like_masks(each.all_pictures())]
        self._inside: list[dict[str, Folder]] = []  # by name, in each shared folder
        for masks in self._shared:
            plainly = {plain_name(each.name): each for each in masks.folders}
            self._inside.append(plainly | {each.name: each for each in masks.folders})
        self._named: dict[str, list[Folder]] = {}
        for each in there:
            self._named.setdefault(plain_name(each.name), []).append(each)
        self._flat = flat
        self._files: dict[Path, MaskFiles] = {}

    def of(self, folder: Folder) -> list[Folder]:
        """Where the masks of a class may lie, the most particular place first."""
        own = [each for ending in OF_A_CLASS for each in self._named.get(f"{plain_name(folder.name)}{ending}", [])]
        inner = [inside.get(folder.name) or inside.get(plain_name(folder.name)) for inside in self._inside]
        own += [each for each in self._shared if plain_name(each.name).startswith(f"{plain_name(folder.name)}_")]
        return [*own, *filter(None, inner), *(self._shared if self._flat else [])]

    def mask_of(self, picture: Path, folder: Folder) -> Path | None:
        """The mask of a picture of a class, in the first of the class's places that has one.

        In each place it may lie as deep as the picture lies in its class.
        """
        deep = picture.parent.relative_to(folder.path).parts
        for place in self.of(folder):
            for where in _each_once([each for each in (place.inner(*deep), place) if each]):
                if where.path not in self._files:
                    self._files[where.path] = MaskFiles(where.pictures)
                if (mask := self._files[where.path].of(picture)) is not None:
                    return mask
        return None


class MaskFiles:
    """Files that are masks, found by the name of their picture: with or without `_mask`, else another word before or after."""

    def __init__(self, paths: Sequence[Path]):
        self._by_stem: dict[str, list[Path]] = {}
        self._by_core: dict[str, list[Path]] = {}
        for path in paths:
            self._by_stem.setdefault(plain_stem(path), []).append(path)
            for core, _ in cores(path):
                self._by_core.setdefault(core, []).append(path)

    def of(self, picture: Path) -> Path | None:
        stem = plain_stem(picture)
        for key in (f"{stem}_mask", stem):
            found = [path for path in self._by_stem.get(key, []) if path != picture]
            if found:
                return min(
                    found,
                    key=lambda path: (
                        picture.stem not in path.stem,
                        SUFFIX_ORDER.index(path.suffix.lower()),
                        path.name,
                    ),
                )
        found = [path for path in self._by_core.get(stem, []) if path != picture]
        return found[0] if len(found) == 1 else None


def plain_stem(path: PurePath) -> str:
    """A file's name without its ending, in one way of writing."""
    return unicodedata.normalize("NFC", path.stem).casefold()


def cores(path: PurePath) -> Iterator[tuple[str, str]]:
    """The name of the picture that a file may be named after, and the word that comes before or after it."""
    stem = plain_stem(path)
    for pattern in (ENDING, BEGINNING):
        if match := pattern.match(stem):
            yield match["core"], match["affix"]


def _each_once(folders: Sequence[Folder]) -> list[Folder]:
    return list({folder.path: folder for folder in folders}.values())
