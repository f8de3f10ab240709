"""Processes by what ties them to a run, read off /proc: those below one, and those that were left behind. Linux; standard library alone.

Every process of an attempt carries the run's folder in its environment, and holds the run's lock where it did not close what it had
inherited. A process that did, and wrote over its environment too, as setproctitle does, is known by its parents alone, while they live.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from engine.contract.attempt_files import lock_in

MARK = "MURASCOPE_RUN_FOLDER"
ROUNDS, BETWEEN_ROUNDS_S = 50, 0.02  # of ending what may beget others meanwhile


def marked(run: Path) -> dict[str, str]:
    """What the environment of a run's processes holds."""
    return {MARK: str(run.resolve())}


def below(ancestor: int) -> list[int]:
    """The living processes below this one, children before their own children."""
    children: dict[int, list[int]] = {}
    for pid in _all_processes():
        with suppress(OSError, ValueError):
            state, parent = _stat(pid)
            if state != "Z":
                children.setdefault(parent, []).append(pid)
    found = [ancestor]
    for pid in found:
        found += children.get(pid, [])
    return found[1:]


def is_there(pid: int) -> bool:
    """Whether there is a process of that id, which has not ended."""
    try:
        return _stat(pid)[0] != "Z"
    except (OSError, ValueError):
        return False


def holds_lock(pid: int, run: Path) -> bool:
    """Whether a process holds the run's lock, and not only asks whether somebody does."""
    lock, descriptors = str(lock_in(run).resolve()), f"/proc/{pid}/fd"
    with suppress(OSError):
        for descriptor in os.listdir(descriptors):
            with suppress(OSError):
                if os.readlink(f"{descriptors}/{descriptor}") == lock and _is_writer(
                    f"/proc/{pid}/fdinfo/{descriptor}"
                ):
                    return True
    return False


def end_left_behind(run: Path) -> None:
    """End every process of a run's attempts, wherever in the tree of processes it has gone to, and whatever watches it."""
    for _ in range(ROUNDS):
        if not [pid for pid in _all_processes() if send(pid, signal.SIGKILL, run)]:
            return
        time.sleep(BETWEEN_ROUNDS_S)


def send(pid: int, number: signal.Signals, run: Path) -> bool:
    """Send a signal to a process if it is one of the run's: ids are given out again, and no other is to be hit. Whether it was sent."""
    if pid == os.getpid():
        return False
    try:
        held = os.pidfd_open(pid)  # whatever has its id later is another
    except OSError:
        return False
    try:
        if not is_there(pid) or not (_is_marked(pid, run) or holds_lock(pid, run)):
            return False
        signal.pidfd_send_signal(held, number)
    except OSError:
        return False
    finally:
        os.close(held)
    return True


def _all_processes() -> Iterator[int]:
    return (int(name) for name in os.listdir("/proc") if name.isdecimal())


def _stat(pid: int) -> tuple[str, int]:
    """State and parent."""
    with open(f"/proc/{pid}/stat", "rb") as file:
        state, parent = file.read().rpartition(b") ")[2].split()[:2]
    return state.decode("ascii"), int(parent)


def _is_marked(pid: int, run: Path) -> bool:
    (mark,) = (f"{name}={value}".encode() for name, value in marked(run).items())
    with suppress(OSError), open(f"/proc/{pid}/environ", "rb") as file:
        return mark in file.read().split(b"\0")
    return False


def _is_writer(descriptor_info: str) -> bool:
    with open(descriptor_info, encoding="ascii") as file:
        return any("FLOCK" in line and "WRITE" in line for line in file)
