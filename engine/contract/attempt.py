"""An attempt of a run on this machine, for whoever begins it and for whoever finds it begun: under a shim, looked at, stopped, ended.

What is known of it stands in the run's folder (engine/contract/attempt_files.py) and is held by its lock; nothing is remembered here, so
that it is all the same who asks. Linux, as the shim (engine/shim.py).
"""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from engine.contract.attempt_files import Verdict, is_reserved, read_verdict, write_verdict
from engine.contract.folder import RunFolder
from engine.contract.plain_files import append_plain
from engine.contract.process_lock import Watchers, is_locked, noted_watchers
from engine.contract.process_tree import end_left_behind, holds_lock, send

PROJECT = Path(__file__).resolve().parents[2]
NO_ROOM, ALREADY_ON, ALREADY_ENDED = 74, 76, 77  # exit codes of the shim
OUTLIVING: list[subprocess.Popen[bytes]] = []  # shims go on when their starter ends, which is no process forgotten
State = Verdict | Literal["on", "unknown"]


@dataclass(frozen=True)
class Attempt:
    """The attempt of that number, from 1, of the run in this folder."""

    run: Path
    number: int

    def begin(
        self,
        command: Sequence[str],
        *,
        environment: Mapping[str, str],
        grace_s: float,
        limit_s: float | None = None,
        silent_s: float | None = None,
    ) -> bool:
        """Start `command` under a shim; when this returns, the run's lock is held. False where an attempt of the run is on already, or this
        one has ended. What it prints goes into the run's log.

        Args:
            grace_s: what a stop leaves it at the most.
            limit_s: it is ended after so many seconds.
            silent_s: it is ended when it has not touched the run's heartbeat for so long.

        Raises:
            OSError: nothing was started.
        """
        options = [str(self.run), "--attempt", str(self.number), "--grace-s", str(grace_s)]
        options += [] if limit_s is None else ["--limit-s", str(limit_s)]
        options += [] if silent_s is None else ["--silent-s", str(silent_s)]
        told, tells = os.pipe()
        try:
            shim = self._spawn([*options, "--tell", str(tells), "--", *command], environment, tells)
            os.close(tells)
            tells = -1
            if os.read(told, 1):
                return True
        finally:
            os.close(told)
            if tells >= 0:
                os.close(tells)
        code = shim.wait()
        if code in (ALREADY_ON, ALREADY_ENDED):
            return False
        said = "there is no room for its verdict" if code == NO_ROOM else f"its shim ended with exit code {code}"
        raise OSError(errno.ENOSPC if code == NO_ROOM else errno.ECHILD, said, str(self.run))

    def look(self) -> State:
        """Its verdict; "on" while anything of it lives, also what was left behind and is being ended; "unknown": it never began here.

        Where all that watched it was killed, what it has begotten is ended, and the verdict is passed here.

        Raises:
            OSError: the folder cannot be read, or the verdict not be written.
            ValueError: what stands there is no verdict.
        """
        _reap()
        path = RunFolder(self.run).verdict(self.number)
        has_begun = is_reserved(
            path
        )  # looked at before the lock, which is taken before that and let go after the verdict
        if is_locked(self.run):
            watchers = noted_watchers(self.run)
            if watchers is not None and watchers.attempt != self.number:
                return read_verdict(path) or "unknown"
            if watchers is None or not watchers.is_here or self._is_watched(watchers):
                return "on"
            end_left_behind(self.run)
            if is_locked(self.run):
                return "on"
            has_begun = True
        verdict = read_verdict(path)
        if verdict is None and has_begun:
            end_left_behind(self.run)
            write_verdict(path, Verdict(None, "guard_lost", time.time()), reserved=False)
            verdict = read_verdict(path)
        return verdict or "unknown"

    def stop(self) -> None:
        """Ask it to stop: its trainer is asked, and killed when its grace is over. Nothing where it is not on."""
        self._tell(signal.SIGTERM)

    def end(self) -> None:
        """End all of it at once, without a word to its trainer."""
        self._tell(signal.SIGQUIT)

    def sweep(self) -> None:
        """End all of it, what watches it included: for one whose shim does not answer."""
        if self._watchers() is not None:
            end_left_behind(self.run)

    def _tell(self, number: signal.Signals) -> None:
        watchers = self._watchers()
        if watchers is not None and not send(watchers.shim, number, self.run):
            send(watchers.guard, number, self.run)

    def _watchers(self) -> Watchers | None:
        noted = noted_watchers(self.run)
        return (
            noted
            if noted is not None and noted.attempt == self.number and noted.is_here and is_locked(self.run)
            else None
        )

    def _is_watched(self, watchers: Watchers) -> bool:
        return any(holds_lock(pid, self.run) for pid in (watchers.shim, watchers.guard))

    def _spawn(self, arguments: list[str], environment: Mapping[str, str], tells: int) -> subprocess.Popen[bytes]:
        """The shim, to which no signal comes before it listens."""
        _reap()
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM, signal.SIGINT, signal.SIGQUIT})
        try:
            with append_plain(RunFolder(self.run).log) as log:
                shim = subprocess.Popen(
                    [sys.executable, "-m", "engine.shim", *arguments],
                    cwd=PROJECT,
                    env=dict(environment),
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    pass_fds=[tells],
                )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        OUTLIVING.append(shim)
        return shim


def _reap() -> None:
    with suppress(ValueError):  # two threads may forget the same one
        OUTLIVING[:] = [each for each in OUTLIVING if each.poll() is None]
