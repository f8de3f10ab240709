"""What a run's folder says of its attempts beside what the engine reports: where that lies, and the verdict on each that ended.

    process.lock        held while anything of an attempt lives (engine/contract/process_lock.py)
    heartbeat           empty; its trainer touches it every few seconds
    attempts/2.json     the verdict on the second attempt

The shim (engine/shim.py) reads and writes all of it, and loads the standard library alone: so does this file.
"""

import json
import os
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, get_args

from engine.contract.plain_files import ASIDE, NotPlain, overwrite_plain, read_plain

Why = Literal["cancelled", "limit", "silent", "guard_lost"]
VERDICT_BYTES = 512  # what each takes, filled up with blanks


def lock_in(run: Path) -> Path:
    return run / "process.lock"


def heartbeat_in(run: Path) -> Path:
    return run / "heartbeat"


def attempts_in(run: Path) -> Path:
    return run / "attempts"


def verdict_in(run: Path, attempt: int) -> Path:
    return attempts_in(run) / f"{attempt}.json"


@dataclass(frozen=True)
class Verdict:
    """How an attempt ended. Whether the run succeeded, its event log alone tells.

    exit_code: of the trainer, minus the signal that killed it; None where nobody knows.
    why: what ended it: somebody's stop, its time limit, a heartbeat that stayed away, the loss of a process that watched it; None where
    the trainer ended by itself, or was killed by somebody who watches nothing.
    time: in seconds since 1970.
    """

    exit_code: int | None
    why: Why | None
    time: float


def reserve_verdict(path: Path) -> None:
    """Take the room for a verdict on the disk, which may be full when it is passed: the attempt begins.

    Raises:
        OSError: there is none.
    """
    path.parent.mkdir(exist_ok=True)
    try:
        _write(_aside(path), b" " * VERDICT_BYTES)
    except OSError:
        release_verdict(path)
        raise


def release_verdict(path: Path) -> None:
    """The attempt has not begun after all."""
    with suppress(OSError):
        _aside(path).unlink(missing_ok=True)


def is_reserved(path: Path) -> bool:
    """Whether an attempt has begun and has no verdict yet."""
    return _aside(path).exists()


def write_verdict(path: Path, verdict: Verdict, *, reserved: bool = True) -> None:
    """Write a verdict as a whole, in the room that was reserved for it or in some of its own. The first one stands: another is not written.

    Raises:
        OSError: it cannot be written.
    """
    aside = _aside(path) if reserved else path.with_name(f"{path.name}.{os.getpid()}{ASIDE}")
    path.parent.mkdir(exist_ok=True)
    _write(aside, json.dumps(asdict(verdict), allow_nan=False).encode("ascii").ljust(VERDICT_BYTES - 1) + b"\n")
    with suppress(FileExistsError):
        _give_name(aside, path)
    aside.unlink(missing_ok=True)
    _aside(path).unlink(missing_ok=True)


def read_verdict(path: Path) -> Verdict | None:
    """The verdict; None where none was passed.

    Raises:
        OSError: it cannot be read.
        ValueError: it is none, in words.
    """
    try:
        content = read_plain(path, most=8 * VERDICT_BYTES)
    except FileNotFoundError:
        return None
    except NotPlain as error:
        raise ValueError(f"{path} is no verdict: {error.strerror}") from None
    try:
        found = json.loads(content)
        code, why, time = found["exit_code"], found["why"], found["time"]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"{path} is no verdict: {error}") from None
    if not isinstance(code, int | None) or why not in (None, *get_args(Why)) or not isinstance(time, int | float):
        raise ValueError(f"{path} is no verdict: {found}")
    return Verdict(code, why, float(time))


def _aside(path: Path) -> Path:
    return path.with_name(path.name + ASIDE)


def _write(path: Path, content: bytes) -> None:
    """In the place of what is there, which is not cut off first: its room might be gone then."""
    with overwrite_plain(path) as file:
        file.write(content)
        os.fsync(file.fileno())


def _give_name(aside: Path, path: Path) -> None:
    """
    Raises:
        FileExistsError: there is such a file.
    """
    try:
        os.link(aside, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        if path.exists():
            raise FileExistsError(path) from None
        aside.replace(path)
