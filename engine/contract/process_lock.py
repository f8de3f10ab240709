"""Whether a run lives, and in which processes: a lock on `RUN/process.lock`, and what is written into that file.

Whoever runs an attempt takes the lock first (engine/shim.py), and all processes of it inherit the locked descriptor: the lock is held
until the last of them has gone, whatever is killed in between, and the kernel gives it back. No clock and no process id says that a run
lives. The shim loads this file, and so it loads the standard library alone.
"""

import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from engine.contract.attempt_files import lock_in
from engine.contract.plain_files import read_plain

MOST_NOTED = 256  # bytes
ASKING_S = 0.001


class ProcessLock:
    """The lock of a run, held by this process. Leaving the block gives up this process's part of it alone."""

    def __init__(self, descriptor: int):
        self.descriptor = descriptor

    def __enter__(self) -> "ProcessLock":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        os.close(self.descriptor)


@dataclass(frozen=True)
class Watchers:
    """The two processes that watch each other and the trainer of an attempt. is_here: their ids mean something to this process, which
    works on the same machine, since the same boot, in the same container."""

    attempt: int
    shim: int
    guard: int
    is_here: bool


def take_lock(run: Path) -> ProcessLock | None:
    """The run's lock, or None while somebody else holds it: who only asks whether it is held, for a moment, does not count.

    Raises:
        OSError: the run's folder is gone, or no file can be made in it.
    """
    descriptor = os.open(lock_in(run), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if is_locked(run):
                os.close(descriptor)
                return None
            time.sleep(ASKING_S)
        else:
            return ProcessLock(descriptor)


def is_locked(run: Path) -> bool:
    """Whether somebody holds the run's lock. Two who ask at once do not take each other for a living run."""
    return is_held(lock_in(run))


def is_held(lock: Path) -> bool:
    """Whether a process holds the lock of this file; one that asks holds it for no other who asks."""
    try:
        descriptor = os.open(lock, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def note_watchers(lock: ProcessLock, *, attempt: int, shim: int, guard: int) -> None:
    """Write down who watches the attempt that holds the lock, for whoever did not start it. Once that went it goes on a full disk, too.

    Raises:
        OSError: the disk takes nothing.
    """
    noted = f"{attempt} {shim} {guard} {_where_ids_hold()}"
    os.pwrite(lock.descriptor, noted.encode("ascii").ljust(MOST_NOTED), 0)


def noted_watchers(run: Path) -> Watchers | None:
    """Who watches, or watched, the attempt that took the lock last; None where nobody was noted yet."""
    try:
        attempt, shim, guard, *where = read_plain(lock_in(run), most=MOST_NOTED).decode("ascii").split()
        return Watchers(int(attempt), int(shim), int(guard), is_here=where == _where_ids_hold().split())
    except (OSError, ValueError):
        return None


def is_elsewhere(run: Path) -> bool:
    """Whether an attempt of the run is on whose processes nobody here can reach: on another machine that shares the folder, or in another
    container. Locks have to hold across the machines."""
    noted = noted_watchers(run)
    return noted is not None and not noted.is_here and is_locked(run)


def _where_ids_hold() -> str:
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    return f"{boot} {os.readlink('/proc/self/ns/pid')}"
