"""The files of runs: the one place that knows where they are kept. What a run begins with, what it needs and what it leaves goes through here.

The server reads a run's files in its view of them, a folder of this machine: `RunFiles.folder`. Whoever writes there hands the view back
by `put`. An executor that computes on another machine takes a run's files by `get` and brings back by `put` what it leaves. Names of files
are those that a run's folder has for them (engine/contract/folder.py), with `/` between their parts.
"""

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from assistant.settings import Settings
from engine.contract.folder import OF_ATTEMPTS
from engine.contract.plain_files import open_plain

PART = ".part"  # the end of the name of a file or folder that is still being written


class RunFiles(Protocol):
    """The store of one home. All but `views` and `folder` may wait for a disk, or for another machine."""

    @property
    def views(self) -> Path:
        """The folder in which the views of all runs lie beside one another, each by the run's id."""

    def folder(self, run: str) -> Path:
        """The view of a run: what was put lies there, to be read. Nothing is looked at or made by asking."""

    def new(self, run: str) -> AbstractContextManager[Path]:
        """The view of a run that has no files yet, empty; what lies in it when the block ends is kept.

        Raises:
            FileExistsError: it has files.
        """

    def runs(self) -> list[str]:
        """The runs of which there are files, sorted."""

    def get(self, run: str, into: Path, *, only: Collection[str] = ()) -> None:
        """Lay the files of a run into a folder: all of them, or `only` those that are or lie in what has one of these names."""

    def put(self, run: str, source: Path) -> None:
        """Keep all files of a folder as the run's, in the place of those that have the same names; the view shows them then."""

    def list(self, run: str) -> list[str]:
        """The names of a run's files, sorted; none of a run that has none."""

    def bytes_of(self, run: str) -> int:
        """How much room a run's files take."""

    def remove(self, run: str) -> None:
        """Do away with all files of a run; one that has none stays so.

        Raises:
            OSError: some of them cannot be removed; another try goes on.
        """

    def open(self, run: str, name: str) -> BinaryIO:
        """A file of a run, to be read.

        Raises:
            FileNotFoundError: there is none of that name.
        """


def open_files(settings: Settings) -> RunFiles:
    """The store of this home. Which one it is, is said here alone."""
    return LocalFiles(settings.runs_folder)


class LocalFiles:
    """A folder for each run, below one folder of this machine. The views are these folders: who works there copies nothing."""

    def __init__(self, views: Path):
        self.views = views

    def folder(self, run: str) -> Path:
        return self.views / run

    @contextmanager
    def new(self, run: str) -> Iterator[Path]:
        self.folder(run).mkdir(parents=True)
        yield self.folder(run)

    def runs(self) -> list[str]:
        return sorted(path.name for path in self.views.iterdir() if path.is_dir()) if self.views.is_dir() else []

    def get(self, run: str, into: Path, *, only: Collection[str] = ()) -> None:
        _copy(self.folder(run), into, only)

    def put(self, run: str, source: Path) -> None:
        _copy(source, self.folder(run))

    def list(self, run: str) -> list[str]:
        return _names(self.folder(run))

    def bytes_of(self, run: str) -> int:
        sizes = 0
        for at, _, names in os.walk(self.folder(run)):
            for name in names:
                with suppress(OSError):  # gone meanwhile
                    sizes += os.lstat(os.path.join(at, name)).st_size
        return sizes

    def remove(self, run: str) -> None:
        if self.folder(run).exists():
            shutil.rmtree(self.folder(run))

    def open(self, run: str, name: str) -> BinaryIO:
        return open_plain(self.folder(run) / name)


def _copy(source: Path, target: Path, only: Collection[str] = ()) -> None:
    if source == target or (target.exists() and source.exists() and source.samefile(target)):
        return
    for name in _names(source):
        if only and not any(name == each or name.startswith(f"{each}/") for each in only):
            continue
        path = target / name
        path.parent.mkdir(parents=True, exist_ok=True)
        aside = path.with_name(path.name + PART)
        with suppress(FileNotFoundError):  # a run that goes on has done away with it since
            with open_plain(source / name) as file, aside.open("wb") as copy:
                shutil.copyfileobj(file, copy)
            aside.replace(path)


def _names(folder: Path) -> list[str]:
    """Plain files alone: no links, which may lead anywhere, nothing that is still being written, and nothing of attempts, which is true
    on the machine alone that computes them."""
    found = [Path(at, name) for at, _, names in os.walk(folder) for name in names]
    plain = [path.relative_to(folder) for path in found if path.is_file() and not path.is_symlink()]
    kept = (path for path in plain if path.parts[0] not in OF_ATTEMPTS)
    return sorted(path.as_posix() for path in kept if not any(each.endswith(PART) for each in path.parts))
