"""A disk that is really full, or really read-only: a small tmpfs. Mounting one takes root; elsewhere its tests are skipped."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

MIB = 1 << 20


class SmallDisk:
    """Mounted at `path`; large enough for a training to begin, as long as it is not filled."""

    def __init__(self, path: Path):
        self.path = path
        self._filling = path / "filling"

    def fill(self, *, leave: int = 0) -> None:
        """Take all room but `leave` bytes."""
        with self._filling.open("ab", buffering=0) as file:
            while (free := os.statvfs(self.path).f_bavail * os.statvfs(self.path).f_frsize - leave) > 0:
                file.write(bytes(min(free, MIB)))

    def empty(self) -> None:
        self._filling.unlink()

    def be_read_only(self) -> None:
        subprocess.run(["mount", "-o", "remount,ro", str(self.path)], check=True)


@contextmanager
def small_disk(path: Path) -> Iterator[SmallDisk]:
    path.mkdir(parents=True, exist_ok=True)
    mounting = ["mount", "-t", "tmpfs", "-o", "size=128m", "tmpfs", str(path)]
    if os.geteuid() != 0 or subprocess.run(mounting, capture_output=True).returncode != 0:
        pytest.skip("needs the right to mount a small disk (root)")
    try:
        yield SmallDisk(path)
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)
