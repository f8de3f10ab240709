"""A real terminal to run a command in: what is typed there, and what stands on it."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from assistant.offline.learned import learned
from tests.serving import PROJECT

PATIENCE_S = 60.0  # until a test gives up
STEERING = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
CTRL_C, CTRL_D = "\x03", "\x04"


class Terminal:
    """`shown` is all that was written, without what moves the cursor; `raw` is what was written."""

    def __init__(self, descriptor: int, process: "subprocess.Popen[bytes]"):
        self._descriptor, self.process = descriptor, process
        self.raw, self._from = "", 0

    @property
    def shown(self) -> str:
        return STEERING.sub("", self.raw)

    def until(self, words: str) -> str:
        """Wait until this is written after what was waited for before; returns what was written up to there."""
        give_up = time.monotonic() + PATIENCE_S
        while (found := self.shown.find(words, self._from)) < 0:
            if time.monotonic() > give_up or not self._read():
                raise AssertionError(f"{words!r} is not on the terminal:\n{self.shown}")
        before, self._from = self.shown[self._from : found], found + len(words)
        return before

    def type(self, keys: str) -> None:
        os.write(self._descriptor, keys.encode())

    def say(self, line: str) -> None:
        """Type a line once the prompt stands there."""
        self.until("> ")
        self.type(f"{line}\n")

    def end(self) -> int:
        """Wait until the command has ended; returns its exit code."""
        give_up = time.monotonic() + PATIENCE_S
        while self._read():
            if time.monotonic() > give_up:
                raise AssertionError(f"the command did not end:\n{self.shown}")
        return self.process.wait(PATIENCE_S)

    def leave(self) -> int:
        """Press Ctrl+D until the command has ended, for one that comes while the prompt is drawn anew is lost; returns its exit code."""
        give_up = time.monotonic() + PATIENCE_S
        self.type(CTRL_D)
        while self._read():
            if time.monotonic() > give_up:
                raise AssertionError(f"the command did not end:\n{self.shown}")
            if self.process.poll() is None and self.shown.endswith("> "):
                self.type(CTRL_D)
        return self.process.wait(PATIENCE_S)

    def _read(self) -> bool:
        ready, _, _ = select.select([self._descriptor], [], [], 1.0)
        if not ready:
            return self.process.poll() is None
        try:
            data = os.read(self._descriptor, 65536)
        except OSError:  # the other end is closed
            return False
        self.raw += data.decode(errors="replace")
        return bool(data)


@contextmanager
def in_terminal(command: Sequence[str], environment: dict[str, str]) -> Iterator[Terminal]:
    """The command in a terminal of its own, 100 columns wide."""
    learned()  # so that it does not learn while a test waits for its first answer
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    process = subprocess.Popen(
        command,
        env={**environment, "TERM": "xterm"},
        cwd=PROJECT,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    try:
        yield Terminal(ours, process)
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait(20)
        os.close(ours)
