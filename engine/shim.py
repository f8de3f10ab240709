"""`python -m engine.shim RUN --attempt N ... -- COMMAND`: one attempt of a run as a tree of processes that never outlives its watchers.

Two small processes watch each other and the trainer, whoever started them and whatever becomes of it:

    shim     what was started; it hears signals and keeps the exit code
      guard    in a session of its own; it watches the trainer, the clock and the heartbeat
        trainer  COMMAND, in a session of its own, and all that it begets

Both are sub-reapers: a process that leaves its group, its session or its parent stays below them. However the attempt ends, all of the tree
is ended and then one verdict stands in RUN/attempts/N.json (engine/contract/attempt_files.py). One of the two that is killed is seen by the
other one, which does the same. Where both are killed at once the kernel kills the trainer; what it has begotten is found by the lock and
the mark that it bears, by whoever looks next (engine/contract/attempt.py). RUN/process.lock is held till nothing is left.

SIGTERM and SIGINT stop: the trainer is asked to, and killed after `--grace-s`. SIGQUIT ends at once.
Exit codes: the trainer's own, or 128 and the signal that killed it; 70 where nobody knows it; 74: a verdict could not be written, or no room
be taken for it, and nothing was started; 76: an attempt of the run is on; 77: this one has ended already; 69: this is not Linux.

Linux, for what the kernel does here has no counterpart elsewhere. Standard library alone: both processes stay for as long as a training.
"""

import argparse
import ctypes
import math
import os
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from engine.contract.attempt_files import (
    Verdict,
    Why,
    heartbeat_in,
    is_reserved,
    read_verdict,
    release_verdict,
    reserve_verdict,
    verdict_in,
    write_verdict,
)
from engine.contract.process_lock import ProcessLock, note_watchers, take_lock
from engine.contract.process_tree import below, end_left_behind, marked

NOT_LINUX, NOBODY_KNOWS, NO_ROOM, ALREADY_ON, ALREADY_ENDED, NOT_STARTED = 69, 70, 74, 76, 77, 127
SET_PDEATHSIG, SET_CHILD_SUBREAPER = 1, 36  # of prctl
PARTNER_GONE = signal.SIGUSR1
SIGNALS = {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGCHLD, PARTNER_GONE}
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)
LOOK_S = 1.0  # at the clock and the heartbeat
PATIENCE_S = 300.0  # with a disk that takes no verdict
Ended = dict[int, int]  # exit codes by process


def main(arguments: list[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    if sys.platform != "linux":
        return _say(f"a run is watched on Linux alone, and this is {sys.platform}", NOT_LINUX)
    for descriptor in options.tell:
        os.set_inheritable(descriptor, False)
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # they are waited for, and never interrupt
    try:
        return _attempt(options)
    except OSError as error:
        return _say(f"attempt {options.attempt} of the run in {options.run} cannot be begun: {error}", NO_ROOM)


def _attempt(options: argparse.Namespace) -> int:
    """
    Raises:
        OSError: it was not begun.
    """
    run, verdict, shim = options.run, verdict_in(options.run, options.attempt), os.getpid()
    lock = take_lock(run)
    if lock is None:
        return _say(f"an attempt of the run in {run} is on", ALREADY_ON)
    if is_reserved(verdict):  # it had begun, and all that watched it was killed
        end_left_behind(run)
        write_verdict(verdict, Verdict(None, "guard_lost", time.time()))
    if verdict.exists():
        return _say(f"attempt {options.attempt} of the run in {run} has ended already", ALREADY_ENDED)
    end_left_behind(run)
    reserve_verdict(verdict)
    try:
        heartbeat_in(run).touch()
        note_watchers(lock, attempt=options.attempt, shim=shim, guard=shim)
        _prctl(SET_CHILD_SUBREAPER, 1)
        (told, tells), (waits, goes) = os.pipe(), os.pipe()
        guard = os.fork()
    except OSError:
        release_verdict(verdict)
        raise
    if guard == 0:
        _let_go(told, goes, *options.tell)
        _end_at_once(lambda: _Guard(options, lock).watch(shim, waits=waits, tells=tells))
    _let_go(tells, waits)
    note_watchers(lock, attempt=options.attempt, shim=shim, guard=guard)
    for waiting in (goes, *options.tell):
        with suppress(BrokenPipeError):
            os.write(waiting, b"+")
    _let_go(goes, *options.tell)
    trainer = int(os.read(told, 32) or 0)
    ended = _wait_for(guard)
    if ended not in (0, NO_ROOM):  # killed, or it failed
        _pass(verdict, end_tree().get(trainer), "guard_lost")
    return _exit_code(verdict)


def _wait_for(guard: int) -> int:
    """The exit code of the guard, which is told of every stop meanwhile."""
    while True:
        pid, status = os.waitpid(guard, os.WNOHANG)
        if pid == guard:
            return os.waitstatus_to_exitcode(status)
        number = signal.sigwaitinfo(SIGNALS).si_signo
        if number in STOPS:
            os.kill(guard, number)


class _Guard:
    """Starts the trainer and watches it."""

    def __init__(self, options: argparse.Namespace, lock: ProcessLock):
        self._options, self._lock = options, lock
        self._run: Path = options.run

    def watch(self, shim: int, *, waits: int, tells: int) -> int:
        """Exit code: 0, a verdict stands there."""
        os.setsid()
        _prctl(SET_CHILD_SUBREAPER, 1)
        _prctl(SET_PDEATHSIG, PARTNER_GONE)
        if os.getppid() != shim or not os.read(waits, 1):
            return NOBODY_KNOWS
        trainer = self._start()
        with suppress(BrokenPipeError):
            os.write(tells, str(trainer).encode("ascii"))
        _let_go(waits, tells)
        code, why = self._until_it_ends(trainer, shim)
        below_it = end_tree()
        passed = _pass(
            verdict_in(self._run, self._options.attempt), below_it.get(trainer) if code is None else code, why
        )
        return 0 if passed else NO_ROOM

    def _start(self) -> int:
        guard, trainer = os.getpid(), os.fork()
        if trainer == 0:
            _end_at_once(lambda: self._become_trainer(guard))
        return trainer

    def _become_trainer(self, guard: int) -> int:
        command: list[str] = self._options.command
        os.setsid()
        _prctl(SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != guard:
            return NOT_STARTED
        for ignored in (signal.SIGPIPE, signal.SIGXFSZ):  # by Python, and by what it begets
            signal.signal(ignored, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.set_inheritable(self._lock.descriptor, True)
        try:
            os.execvpe(command[0], command, os.environ | marked(self._run))
        except OSError as error:
            return _say(f"{command[0]} cannot be started: {error}", NOT_STARTED)

    def _until_it_ends(self, trainer: int, shim: int) -> tuple[int | None, Why | None]:
        """How the trainer ended; None where it has not, and why it is to be ended."""
        options, silence = self._options, Silence(heartbeat_in(self._run))
        over_at, kill_at = time.monotonic() + options.limit_s, math.inf
        while True:
            heard = signal.sigtimedwait(SIGNALS, max(0.0, min(LOOK_S, kill_at - time.monotonic())))
            number = None if heard is None else heard.si_signo
            if (code := _reap()[0].get(trainer)) is not None:
                return code, None if kill_at == math.inf else "cancelled"
            if number in STOPS:
                os.kill(trainer, signal.SIGTERM)
                kill_at = min(kill_at, time.monotonic() + (0 if number == signal.SIGQUIT else options.grace_s))
            if number == PARTNER_GONE and os.getppid() != shim:
                return None, "guard_lost"
            if time.monotonic() >= kill_at:
                return None, "cancelled"
            if time.monotonic() >= over_at:
                return None, "limit"
            if silence.seconds() >= options.silent_s:
                return None, "silent"


class Silence:
    """How long a file was not touched, in time in which this process could look: a machine that slept, or a clock that is set, is no silence."""

    def __init__(self, path: Path):
        self._path, self._silent_s, self._looked_at = path, 0.0, time.monotonic()
        self._touched_at = self._last_touch()

    def seconds(self) -> float:
        now, touched_at = time.monotonic(), self._last_touch()
        self._silent_s = (
            self._silent_s + min(now - self._looked_at, 2 * LOOK_S) if touched_at == self._touched_at else 0.0
        )
        self._looked_at, self._touched_at = now, touched_at
        return self._silent_s

    def _last_touch(self) -> int | None:
        try:
            return os.stat(self._path).st_mtime_ns
        except OSError:
            return None


def end_tree() -> Ended:
    """Kill all that is below this process until nothing is left of it; how those ended that were waited for.

    What may not be killed, such as a program with another user's rights, is told and left. What the kernel cannot end yet is waited for.
    """
    ended: Ended = {}
    pause_s, is_left = 0.001, True
    while is_left:
        pids = below(os.getpid())
        refused = [pid for pid in pids if not _kill(pid)]
        if pids and refused == pids:
            _say(f"processes {pids} of the run may not be ended by this user")
            break
        signal.sigtimedwait({signal.SIGCHLD}, pause_s)
        pause_s = min(2 * pause_s, 0.2)
        now_ended, is_left = _reap()
        ended |= now_ended
    return ended


def _kill(pid: int) -> bool:
    """Whether it may be killed."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    except PermissionError:
        return False
    return True


def _reap() -> tuple[Ended, bool]:
    """How children ended since the last time, and whether there are any yet. Without children nothing is below this process."""
    ended: Ended = {}
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return ended, False
        if pid == 0:
            return ended, True
        ended[pid] = os.waitstatus_to_exitcode(status)


def _pass(path: Path, code: int | None, why: Why | None) -> bool:
    """Write the verdict, where the disk does not take it again and again. Whether it stands there."""
    verdict, patient_until, told = Verdict(code, why, time.time()), time.monotonic() + PATIENCE_S, False
    while True:
        try:
            write_verdict(path, verdict)
        except OSError as error:
            if time.monotonic() >= patient_until:
                _say(f"{verdict} stands nowhere: {error}")
                return False
            if not told:
                _say(f"{verdict} cannot be written, and is tried again for {PATIENCE_S:.0f} s: {error}")
            told = True
            time.sleep(min(LOOK_S, PATIENCE_S / 4))
        else:
            return True


def _exit_code(path: Path) -> int:
    verdict = read_verdict(path)
    if verdict is None:
        return NO_ROOM
    if verdict.exit_code is None:
        return NOBODY_KNOWS
    return verdict.exit_code if verdict.exit_code >= 0 else 128 - verdict.exit_code


def _prctl(option: int, value: int) -> None:
    """
    Raises:
        OSError: the kernel does not do that.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), ctypes.c_ulong(0), ctypes.c_ulong(0), ctypes.c_ulong(0)) != 0:
        raise OSError(ctypes.get_errno(), "prctl is refused")


def _let_go(*descriptors: int) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _say(what: str, code: int = 0) -> int:
    """On standard error, which may lie on a full disk itself."""
    with suppress(OSError):
        print(f"murascope: {what}", file=sys.stderr, flush=True)
    return code


def _end_at_once(work: Callable[[], int]) -> NoReturn:
    """The end of a fork, which goes back to nothing that its parent was at."""
    code = 1
    try:
        code = work()
    except BaseException:  # noqa: BLE001  (the door of this process)
        with suppress(OSError):
            traceback.print_exc()
    finally:
        os._exit(code)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m engine.shim", description="Watches one attempt of a run.")
    parser.add_argument("run", type=Path, help="run folder")
    parser.add_argument("--attempt", type=int, required=True, help="its number, from 1")
    parser.add_argument("--limit-s", type=float, default=math.inf, help="end it after so many seconds")
    parser.add_argument(
        "--silent-s", type=float, default=math.inf, help="end it when RUN/heartbeat was not touched for so long"
    )
    parser.add_argument("--grace-s", type=float, default=8.0, help="what a trainer that is asked to stop may take")
    parser.add_argument(
        "--tell", type=int, action="append", default=[], metavar="FD", help="write a byte there when the lock is held"
    )
    parser.add_argument("command", nargs="+", help="what trains, and its arguments, after --")
    return parser


if __name__ == "__main__":
    sys.exit(main())
