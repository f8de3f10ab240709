"""The files of runs, wherever they are kept: what a run needs is taken from here, and what it leaves comes back here.

An executor computes in a folder of its own. The store of this home is a folder on its disk; another, such as one of objects, has the
same four functions. Names are those that a run's folder has for its files (engine/contract/folder.py), with `/` between their parts.
"""

import os
import shutil
from pathlib import Path
from typing import BinaryIO, Protocol

from engine.contract.folder import RunFolder
from engine.contract.plain_files import open_plain

PART = ".part"  # the end of the name of a file that is still being written


class RunFiles(Protocol):
    def get(self, run: str, into: Path) -> None:
        """Lay all files of a run into a folder."""

    def put(self, run: str, source: Path) -> None:
        """Keep all files of a folder as the run's, in the place of those that have the same names."""

    def list(self, run: str) -> list[str]:
        """The names of a run's files, sorted; none of a run that has none."""

    def open(self, run: str, name: str) -> BinaryIO:
        """A file of a run, to be read.

        Raises:
            FileNotFoundError: there is none of that name.
        """


class LocalFiles:
    """A folder for each run, below one folder of this machine. Whoever works in the run's own folder copies nothing."""

    def __init__(self, root: Path):
        self._root = root

    def get(self, run: str, into: Path) -> None:
        _copy(self._root / run, into)

    def put(self, run: str, source: Path) -> None:
        _copy(source, self._root / run)

    def list(self, run: str) -> list[str]:
        return _names(self._root / run)

    def open(self, run: str, name: str) -> BinaryIO:
        return open_plain(self._root / run / name)


def _copy(source: Path, target: Path) -> None:
    if source == target or (target.exists() and source.exists() and source.samefile(target)):
        return
    for name in _names(source):
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(path.name + PART)
        with open_plain(source / name) as file, aside.open("wb") as copy:
            shutil.copyfileobj(file, copy)
        aside.replace(path)


def _names(folder: Path) -> list[str]:
    """Plain files alone: no links, which may lead anywhere, nothing that is still being written, and no lock, which holds here alone."""
    found = [Path(at, name) for at, _, names in os.walk(folder) for name in names]
    plain = [path for path in found if path.is_file() and not path.is_symlink() and path.suffix != PART]
    return sorted(path.relative_to(folder).as_posix() for path in plain if path != RunFolder(folder).lock)
