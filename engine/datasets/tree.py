"""What lies in a folder, read once: layouts look things up here, and what they leave is known by name."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.contract.picture_files import SUFFIXES


@dataclass(eq=False)
class Folder:
    """A visible folder. A file stands in exactly one of its lists.

    `pictures` are named like pictures: plain files, links to plain files inside the data set, and what only looks like a
    file, such as a pipe, which is refused as broken when it is opened. `links` lead out of the data set, to a folder or
    nowhere, and are not followed. `hidden` are the files of hidden folders. `unreadable` are folders that may not be listed.
    """

    path: Path
    folders: list["Folder"] = field(default_factory=list)  # in the order of their names
    pictures: list[Path] = field(default_factory=list)  # in the order of their names
    others: list[Path] = field(default_factory=list)
    links: list[Path] = field(default_factory=list)
    hidden: list[Path] = field(default_factory=list)
    unreadable: bool = False

    @property
    def name(self) -> str:
        return self.path.name

    def walk(self) -> Iterator["Folder"]:
        """This folder and all below it."""
        waiting = [self]
        while waiting:
            folder = waiting.pop()
            yield folder
            waiting += reversed(folder.folders)

    def all_pictures(self) -> list[Path]:
        """Its pictures and those of the folders below, in the order of their paths."""
        return sorted(picture for folder in self.walk() for picture in folder.pictures)

    def has_pictures(self) -> bool:
        return any(folder.pictures for folder in self.walk())

    def inner(self, *names: str) -> "Folder | None":
        """The folder at a path below this one; None where there is none."""
        found: Folder | None = self
        for name in names:
            found = next((each for each in found.folders if each.name == name), None) if found else None
        return found


def look_into(path: Path) -> Folder:
    """The folder at a path with all below it; neither links nor hidden folders are followed."""
    root, inside = Folder(path), path.resolve()
    waiting = [root]
    while waiting:
        folder = waiting.pop()
        try:
            with os.scandir(folder.path) as found:
                entries = sorted(found, key=lambda entry: entry.name)
        except OSError:
            folder.unreadable = True
            continue
        for entry in entries:
            _sort_in(folder, entry, inside)
        waiting += folder.folders
    return root


def _sort_in(folder: Folder, entry: os.DirEntry[str], inside: Path) -> None:
    path = folder.path / entry.name
    if entry.is_dir(follow_symlinks=False):
        if is_hidden(entry.name):
            folder.hidden += (Path(parent, name) for parent, _, names in os.walk(path) for name in names)
        else:
            folder.folders.append(Folder(path))
    elif entry.is_symlink() and not _stays_inside(path, inside):
        folder.links.append(path)
    elif path.suffix.lower() in SUFFIXES and not is_hidden(entry.name):
        folder.pictures.append(path)
    else:
        folder.others.append(path)


def is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _stays_inside(link: Path, inside: Path) -> bool:
    """Whether a link leads to a plain file inside the data set."""
    try:
        return link.is_file() and link.resolve().is_relative_to(inside)
    except (OSError, RuntimeError):  # a link that leads to itself
        return False
