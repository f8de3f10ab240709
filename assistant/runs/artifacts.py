"""The files of ended runs in an object store (MURASCOPE_ARTIFACTS), beside the home that they were made in.

    <home>/<run>/a<attempt>/<name>    each file, by its name in the run's folder
    <home>/<run>/a<attempt>.json      the list of them with sizes and checksums, written last: without it nothing is kept

`<home>` is the id of the home, so that several installations may share a bucket. Each file is read back after it was sent, and checked again
when it is fetched. Everything may be done twice, by several at once: what is there already is not sent again, and what is there beside what the
list names, of an attempt that was given up or a server that was killed, is done away with.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from assistant.machine.object_store import ObjectStore, StoreTrouble, Sum
from assistant.settings import Settings
from engine.contract.plain_files import open_plain

AT_ONCE = 8  # files: most are small, and what takes long is to ask
VERSION = 1


def open_artifacts(settings: Settings) -> "Artifacts | None":
    """None where files of runs are kept in the home alone.

    Raises:
        SettingError: the store cannot be used as it is set.
    """
    return None if settings.artifacts is None else Artifacts(ObjectStore(settings), settings.home / "fetching")


def key_of(home: str, run: str, attempt: int) -> str:
    return f"{home}/{run}/a{attempt}"


class Artifacts:
    """Everything here blocks."""

    def __init__(self, store: ObjectStore, fetching: Path):
        """
        Args:
            fetching: a folder on the disk of the run folders, for what is being fetched.
        """
        self._store, self._fetching = store, fetching

    def keep(self, key: str, folder: Path, names: Sequence[str], *, go_on: Callable[[], bool]) -> None:
        """Keep these files of a run's folder, and do away with whatever else there is of the run.

        Raises:
            StoreTrouble, OSError: not all of them could be sent; what was is not sent again.
            Stopped: `go_on` said no.
        """
        of_run = key.rpartition("/")[0]
        there = self._store.sizes(of_run)
        send = partial(self._send, key, folder, there, go_on)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            sums = dict(zip(names, pool.map(send, names), strict=True))
        files = [{"name": name, "bytes": each.bytes, "sha256": each.sha256} for name, each in sums.items()]
        self._store.put(_list_of(key), json.dumps({"version": VERSION, "files": files}, allow_nan=False).encode())
        kept = {_list_of(key), *(f"{key}/{name}" for name in names)}
        self._store.remove([each for each in there if each not in kept])

    def _send(self, key: str, folder: Path, there: dict[str, int], go_on: Callable[[], bool], name: str) -> Sum:
        at = f"{key}/{name}"
        with open_plain(folder / name) as file:
            size = os.fstat(file.fileno()).st_size
            own = Sum(size, hashlib.file_digest(file, "sha256").hexdigest())
            if there.get(at) == size and self._store.sum_of(at, go_on=go_on) == own:
                return own
            file.seek(0)
            self._store.put_file(at, file, size, go_on=go_on)
        if self._store.sum_of(at, go_on=go_on) != own:
            raise StoreTrouble("store_damaged", f"{self._store.address} gives {name} otherwise than it was sent")
        return own

    def fetch(self, key: str, into: Path) -> None:
        """Lay the files that are kept under this key into a folder that is not there yet: all of them, or none.

        Raises:
            StoreTrouble: the store is away, or what it gives is not what was kept.
            OSError: there is no room for them.
        """
        self._fetching.mkdir(exist_ok=True)
        aside = Path(tempfile.mkdtemp(prefix=f"{into.name}-", dir=self._fetching))
        try:
            with ThreadPoolExecutor(AT_ONCE) as pool:
                list(pool.map(partial(self._fetch, key, aside), self._listed(key)))
            aside.chmod(0o755)
            with suppress(FileExistsError):  # somebody else was faster
                _rename(aside, into)
        finally:
            shutil.rmtree(aside, ignore_errors=True)

    def _fetch(self, key: str, aside: Path, listed: tuple[str, Sum]) -> None:
        name, told = listed
        path, digest, read = aside / name, hashlib.sha256(), 0
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with path.open("wb") as file:
                for block in self._store.read_blocks(f"{key}/{name}", go_on=lambda: True):
                    digest.update(block)
                    read += len(block)
                    file.write(block)
        except FileNotFoundError:
            raise self._damaged(key, f"{name} is gone") from None
        if Sum(read, digest.hexdigest()) != told:
            raise self._damaged(key, f"{name} is not what was kept")

    def _listed(self, key: str) -> list[tuple[str, Sum]]:
        try:
            told: Any = json.loads(self._store.read(_list_of(key)))
            files = [(str(each["name"]), Sum(int(each["bytes"]), str(each["sha256"]))) for each in told["files"]]
        except FileNotFoundError:
            raise self._damaged(key, "the list of its files is gone") from None
        except (ValueError, KeyError, TypeError):
            raise self._damaged(key, "the list of its files cannot be understood") from None
        if outside := next((name for name, _ in files if not _is_inside(name)), None):
            raise self._damaged(key, f"it names a file {outside[:200]!r}")
        return files

    def _damaged(self, key: str, why: str) -> StoreTrouble:
        return StoreTrouble("store_damaged", f"what {self._store.address} has under {key} is damaged: {why}")

    def remove(self, key: str) -> None:
        """Do away with all that is kept of the run with this key.

        Raises:
            StoreTrouble: some of it is still there; another try goes on.
        """
        self._store.remove(sorted(self._store.sizes(key.rpartition("/")[0])))


def _list_of(key: str) -> str:
    return f"{key}.json"


def _is_inside(name: str) -> bool:
    return not any(part in ("", ".", "..") or "\\" in part or "\0" in part for part in name.split("/"))


def _rename(folder: Path, target: Path) -> None:
    """
    Raises:
        FileExistsError: there is such a folder, which is not empty.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        folder.rename(target)
    except OSError:
        if target.exists():
            raise FileExistsError(str(target)) from None
        raise
