"""Work for a process of its own: a hostile file can end that process, never the server. Who is asked something ends with whoever asked."""

import asyncio
import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

import anyio

PROJECT = Path(__file__).resolve().parents[2]


class NoAnswer(RuntimeError):
    """The process took too long."""


@dataclass(frozen=True)
class Output:
    out: bytes
    err: bytes
    code: int

    @property
    def last_words(self) -> str:
        """Why it went wrong, as far as the process could say it."""
        return (self.err.decode(errors="replace").strip().splitlines()[-1:] or [f"exit code {self.code}"])[0]


async def ask(command: list[str], environment: dict[str, str], *, timeout_s: float) -> Output:
    """Run `command` to its end. Its standard input stays open as long as this process lives and waits.

    Raises:
        NoAnswer: it took longer than `timeout_s` seconds, and was ended.
    """
    process = await start(command, environment, stderr=asyncio.subprocess.PIPE)
    assert process.stdout is not None and process.stderr is not None
    try:
        async with asyncio.timeout(timeout_s):
            out, err = await asyncio.gather(process.stdout.read(), process.stderr.read())
            return Output(out, err, await process.wait())
    except TimeoutError:
        raise NoAnswer(f"no answer within {timeout_s:.0f} s") from None
    finally:
        await end(process)


async def start(
    command: list[str], environment: dict[str, str], *, stderr: int, longest_line: int = 1 << 16
) -> asyncio.subprocess.Process:
    """A process that is talked to, in a group of its own; no line that it says has more than `longest_line` bytes."""
    return await asyncio.create_subprocess_exec(
        *command,
        cwd=PROJECT,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=stderr,
        start_new_session=True,
        limit=longest_line,
    )


async def end(process: asyncio.subprocess.Process) -> None:
    """Kill it with its group and wait until it is gone, also where whoever waits is called off again meanwhile."""
    kill(process)
    with anyio.CancelScope(shield=True):  # a web request that is called off is so at each of its waits
        await process.wait()


def kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def engine_command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "engine", *arguments]
