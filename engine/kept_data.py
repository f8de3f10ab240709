"""The files of data sets that a machine keeps for the runs that come after, each by its contents.

What no run has used for the longest time goes when they take more than they may. A run has files of its own, by links where the disk has
them, so that it misses nothing that goes while it computes.
"""

import hashlib
import os
import secrets
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from engine.contract.plain_files import ASIDE, open_plain

BEING_LAID_OUT_S = 3600.0  # what was used so lately may be about to be linked by another run


class KeptData:
    """Files in `folder`, at most `most_bytes` of them; more for as long as runs have just used them."""

    def __init__(self, folder: Path, most_bytes: float):
        self._folder, self._most_bytes = folder, most_bytes

    def lay_out(self, sha256: str, target: Path, fetch: Callable[[Path], None]) -> None:
        """Have the file with these contents at `target`; `fetch` writes it to a path where it is not kept, or no longer whole.

        Raises:
            OSError: it cannot be kept, or cannot be laid out.
        """
        path = self._folder / sha256[:2] / sha256
        if not _is_whole(path, sha256):
            coming = path.with_name(f"{sha256}.{secrets.token_hex(8)}{ASIDE}")
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                fetch(coming)
                coming.replace(path)
            finally:
                coming.unlink(missing_ok=True)
        os.utime(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(path, target)
        except OSError:  # another disk, or a file system without links
            shutil.copyfile(path, target)

    def make_room(self) -> None:
        """Remove what was used longest ago, until the rest is no more than may be kept."""
        found = [(status.st_mtime, status.st_size, path) for path in self._folder.rglob("*") if (status := _file(path))]
        too_many = sum(size for _, size, _ in found) - self._most_bytes
        for used_at, size, path in sorted(found):
            if too_many <= 0 or time.time() - used_at < BEING_LAID_OUT_S:
                return
            path.unlink(missing_ok=True)
            too_many -= size


def _is_whole(path: Path, sha256: str) -> bool:
    with suppress(FileNotFoundError), open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    return False


def _file(path: Path) -> os.stat_result | None:
    """None of a folder, and of what another run has removed meanwhile."""
    try:
        return None if path.is_dir() else path.lstat()
    except OSError:
        return None
