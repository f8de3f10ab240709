"""The files of a data set by their contents: what a machine needs to have the same data set, and the way to each of them by its SHA-256.

Those are the files that the engine sees (engine/datasets/tree.py): plain ones, and links to plain ones inside the data set; what is hidden
is left out, and links to folders are not followed. What was read once is noted in the home by size and times, and read again when they
changed. All of it may take minutes: none of it belongs into the event loop.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import BinaryIO

from engine.contract.plain_files import open_plain, read_plain, write_whole

FOLDER = "digests"  # in the home
MOST_NOTED = 512 << 20  # bytes
MOST_KEPT = 8  # data sets whose manifests stay in memory

Stamp = tuple[int, int, int]  # size, time of the last writing, of the last change


@dataclass(frozen=True)
class DataFile:
    """A file of a data set: its name relative to the folder, its contents, and the stamp that it had when they were read."""

    name: str
    sha256: str
    stamp: Stamp

    @property
    def size(self) -> int:
        return self.stamp[0]


class FileChanged(LookupError):
    """No file of the data set has these contents, or no longer."""


class Manifests:
    """What is known of the files of the data sets of a home."""

    def __init__(self, home: Path):
        self._folder = home / FOLDER
        self._by_contents: dict[Path, dict[str, DataFile]] = {}
        self._locks: dict[Path, Lock] = {}

    def of(self, data: Path) -> list[DataFile]:
        """All files of the data set in a folder, by their names. Reads those that it has not read yet; two who ask at once wait for one.

        Raises:
            OSError: there is no such folder, or a file cannot be read.
        """
        os.scandir(data).close()
        with self._locks.setdefault(data, Lock()):
            noted = self._noted(data)
            files = [_known(data, name, noted.get(name)) for name in _names(data)]
            told = {file.name: file for file in files}
            if told != noted:
                self._folder.mkdir(parents=True, exist_ok=True)
                write_whole(
                    self._note(data),
                    json.dumps([[file.name, file.sha256, *file.stamp] for file in files], allow_nan=False),
                )
            self._remember(data, files)
        return files

    def open(self, data: Path, sha256: str) -> BinaryIO:
        """A file of the data set with these contents, as its manifest told it last.

        Raises:
            FileChanged: there is none, or it is no longer what it was.
            OSError: it cannot be read.
        """
        if data not in self._by_contents:
            self._remember(data, list(self._noted(data).values()))
        file = self._by_contents.get(data, {}).get(sha256)
        if file is None:
            raise FileChanged("no file of the data set has these contents")
        try:
            opened = open_plain(data / file.name)
        except FileNotFoundError:
            raise FileChanged("the file is gone") from None
        if _stamp(os.fstat(opened.fileno())) != file.stamp:
            opened.close()
            raise FileChanged("the file was changed")
        return opened

    def _remember(self, data: Path, files: list[DataFile]) -> None:
        kept = {**self._by_contents, data: {file.sha256: file for file in files}}
        self._by_contents = dict(list(kept.items())[-MOST_KEPT:])

    def _noted(self, data: Path) -> dict[str, DataFile]:
        """What was noted of the data set's files; where that cannot be read, nothing."""
        try:
            rows = json.loads(read_plain(self._note(data), most=MOST_NOTED))
            return {
                name: DataFile(name, digest, (size, written, changed)) for name, digest, size, written, changed in rows
            }
        except (OSError, ValueError, TypeError):
            return {}

    def _note(self, data: Path) -> Path:
        return self._folder / f"{hashlib.sha256(os.fsencode(data)).hexdigest()[:32]}.json"


def _names(data: Path) -> Iterator[str]:
    inside = data.resolve()
    for at, folders, names in os.walk(data):
        folders[:] = sorted(name for name in folders if not _is_hidden(name))
        for name in sorted(names):
            path = Path(at, name)
            if not _is_hidden(name) and _is_seen(path, inside):
                yield path.relative_to(data).as_posix()


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _is_seen(path: Path, inside: Path) -> bool:
    try:
        return path.is_file() and (not path.is_symlink() or path.resolve().is_relative_to(inside))
    except (OSError, RuntimeError):  # a link that leads to itself
        return False


def _known(data: Path, name: str, noted: DataFile | None) -> DataFile:
    with open_plain(data / name) as file:
        stamp = _stamp(os.fstat(file.fileno()))  # before it is read: what changes meanwhile is seen next time
        if noted is not None and noted.stamp == stamp:
            return noted
        return DataFile(name, hashlib.file_digest(file, "sha256").hexdigest(), stamp)


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns
