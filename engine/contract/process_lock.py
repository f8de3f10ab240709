"""Whether a run lives, and in which process: a lock on `RUN/process.lock`, and the process id written into that file.

Whoever starts a run, or gives a dead one its end, holds the lock first. A started process is handed the locked descriptor, and
its children inherit it: the lock is held from before the run is claimed until the last of its processes has gone, whatever is
killed in between, and the kernel gives it back. No clock and no process id says that a run lives.
"""

import fcntl
import os
from pathlib import Path
from types import TracebackType

from engine.contract.folder import RunFolder
from engine.contract.plain_files import read_plain

MOST_NOTED = 256  # bytes


class ProcessLock:
    """The lock of a run, held by this process. Leaving the block gives up this process's part of it alone."""

    def __init__(self, descriptor: int):
        self.descriptor = descriptor

    def __enter__(self) -> "ProcessLock":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self.descriptor)


def take_lock(run: Path) -> ProcessLock | None:
    """The run's lock, or None while somebody else holds it. Never waits.

    Raises:
        OSError: the run's folder is gone, or no file can be made in it.
    """
    descriptor = os.open(RunFolder(run).lock, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return ProcessLock(descriptor)


def is_locked(run: Path) -> bool:
    """Whether somebody holds the run's lock. Two who ask at once do not take each other for a living run."""
    return is_held(RunFolder(run).lock)


def is_held(lock: Path) -> bool:
    """Whether a process holds the lock of this file; one that asks holds it for no other who asks."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_NONBLOCK)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def note_process(run: Path) -> None:
    """Write down that this process is the run's, for a server that did not start it."""
    RunFolder(run).lock.write_text(f"{os.getpid()} {_where_ids_hold()}", encoding="ascii")


def noted_process(run: Path) -> int | None:
    """The id of the run's process, which leads its process group; None where none was noted yet."""
    try:
        return int(_noted(run)[0])
    except (OSError, ValueError, IndexError):
        return None


def is_noted_here(run: Path) -> bool:
    """Whether the id that was noted means something to this process: not that of another machine, boot or container."""
    try:
        return _noted(run)[1:] == _where_ids_hold().split()
    except (OSError, ValueError):
        return False


def _noted(run: Path) -> list[str]:
    return read_plain(RunFolder(run).lock, most=MOST_NOTED).decode("ascii").split()


def _where_ids_hold() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot} {os.readlink('/proc/self/ns/pid')}"
