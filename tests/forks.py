"""Processes of the product without the wait for its libraries: forks of one that has loaded them, which is most of a short command's time.

A fork runs what `python -m MODULE ...` or `python -c CODE ...` would, with an environment, output and signals of its own. That the same
starts from nothing too is shown by the tests that start it with `subprocess`.
"""

import atexit
import importlib
import json
import os
import runpy
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from typing import IO, Any

from tests.serving import PROJECT, nothing_set

FAILED = 1  # the exit code of a program that was ended by an exception


class Loaded:
    """A process that loads these modules when it is first needed, and lasts as long as the one that asks it for forks."""

    def __init__(self, *modules: str):
        self._modules = modules
        self._door: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *command: str, environment: Mapping[str, str], cwd: os.PathLike[str] | str = PROJECT) -> "Fork":
        """`command`: the arguments of a Python interpreter, beginning with -m or -c."""
        if self._door is None:
            self._door = self._open()
        return Fork(self._door, {"command": command, "environment": dict(environment), "cwd": str(cwd)})

    def _open(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forks", str(theirs.fileno()), *self._modules],
                env={
                    **nothing_set(),
                    "OMP_NUM_THREADS": "1",
                    "PYTHONPATH": str(PROJECT),
                },  # libraries read it as they load
                cwd=PROJECT,
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        return ours


class Fork:
    """Waited for, signalled and read like a `subprocess.Popen`."""

    def __init__(self, door: socket.socket, asked: dict[str, Any]):
        self._written = [tempfile.TemporaryFile("w+", encoding="utf-8") for _ in range(2)]  # noqa: SIM115  (`communicate` closes them)
        ours, theirs = os.pipe()
        socket.send_fds(door, [json.dumps(asked).encode()], [*(each.fileno() for each in self._written), theirs])
        os.close(theirs)
        self._told = os.fdopen(ours, encoding="utf-8")
        self.pid = int(self._told.readline())
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None and select.select([self._told], [], [], 0)[0]:
            self.returncode = int(self._told.readline())
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        if self.returncode is None and not select.select([self._told], [], [], timeout)[0]:
            raise subprocess.TimeoutExpired(str(self.pid), timeout or 0)
        code = self.poll()
        assert code is not None
        return code

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """What it wrote, to its output and as its errors, once it has ended."""
        self.wait(timeout)
        self._told.close()
        out, errors = map(_read_from_the_start, self._written)
        return out, errors

    def complete(self, timeout: float = 300) -> "subprocess.CompletedProcess[str]":
        out, errors = self.communicate(timeout)
        return subprocess.CompletedProcess((), self.wait(), out, errors)

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _read_from_the_start(written: IO[str]) -> str:
    with written:
        written.seek(0)
        return written.read()


def main() -> None:
    codes = [FAILED]
    atexit.register(_end, codes)  # the first to be registered is the last to be called
    door = socket.socket(fileno=int(sys.argv[1]))
    for name in sys.argv[2:]:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for who waits for a fork
    while True:
        message, descriptors, _, _ = socket.recv_fds(door, 2**20, 3)
        if not message:
            return
        if os.fork() == 0:
            door.close()
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            return _become(json.loads(message), codes, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


def _end(codes: list[int]) -> None:
    """Without taking apart one by one what was loaded, which takes a second."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(codes[-1])


def _become(asked: dict[str, Any], codes: list[int], out: int, errors: int, told: int) -> None:
    """What was asked for, below a process that tells its number, and then its exit code."""
    child = os.fork()
    if child:
        os.write(told, f"{child}\n".encode())
        _, status = os.waitpid(child, 0)
        os.write(told, f"{os.waitstatus_to_exitcode(status)}\n".encode())
        os._exit(0)
    os.dup2(out, 1)
    os.dup2(errors, 2)
    for descriptor in (out, errors, told):
        os.close(descriptor)
    os.environ.clear()
    os.environ.update(asked["environment"])
    os.chdir(asked["cwd"])
    how, what, *arguments = asked["command"]
    sys.argv = [what if how == "-m" else how, *arguments]
    try:
        if how == "-m":
            runpy.run_module(what, run_name="__main__", alter_sys=True)
        else:
            exec(what, {"__name__": "__main__"})
        codes.append(0)
    except SystemExit as ended:
        codes.append(ended.code if isinstance(ended.code, int) else int(ended.code is not None))
        raise


if __name__ == "__main__":
    main()
