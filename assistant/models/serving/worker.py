"""One warm process of the engine, which holds one model: pictures in, what it says of them out, in whatever order they are done."""

import asyncio
import contextlib
import signal
from collections import deque
from collections.abc import Callable
from pathlib import Path

from assistant.machine.engine_environment import engine_environment
from assistant.machine.own_process import end, engine_command, kill, start
from assistant.settings import Settings
from engine.contract.results import as_json, from_json
from engine.contract.serving import Answered, Asked, NotReady, Ready

LONGEST_LINE = 16 << 20  # an answer's, with all its regions
LOADING_S = 600.0
LAST_LINES = 20  # of what it printed, for the reason of its end


class Died(Exception):
    """The process ended without being told to; the message says what is known of it."""


class CannotLoad(Exception):
    """The model cannot be loaded; the message is the engine's."""


class Worker:
    """Use `await Worker.start(...)`. `answered` is called for each answer, `ended` once when the process is gone, from the event loop."""

    def __init__(
        self,
        process: asyncio.subprocess.Process,
        *,
        answered: Callable[[Answered], None],
        ended: Callable[["Worker"], None],
    ):
        self._process, self._answered, self._ended = process, answered, ended
        self._printed: deque[str] = deque(maxlen=LAST_LINES)
        self._listening: asyncio.Task[None] | None = None
        self._hearing = asyncio.create_task(self._hear())
        self.ready: Ready | None = None
        self.is_gone = False

    @classmethod
    async def start(
        cls,
        settings: Settings,
        folder: Path,
        *,
        answered: Callable[[Answered], None],
        ended: Callable[["Worker"], None],
    ) -> "Worker":
        """
        Raises:
            CannotLoad: the engine says why.
            Died: the process ended before it had loaded the model.
        """
        process = await start(
            engine_command("--asked", "serve", str(folder)),
            engine_environment(settings),
            stderr=asyncio.subprocess.PIPE,
            longest_line=LONGEST_LINE,
        )
        worker = cls(process, answered=answered, ended=ended)
        try:
            async with asyncio.timeout(LOADING_S):
                await worker._load()
        except BaseException:
            await worker.end()
            raise
        worker._listening = asyncio.create_task(worker._listen())
        return worker

    @property
    def pid(self) -> int:
        return self._process.pid

    async def ask(self, asked: Asked, content: bytes | None) -> None:
        """Hand a picture over; its answer comes to `answered`. One that is gone takes none, and says so by `ended`."""
        assert self._process.stdin is not None
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(as_json(asked).encode() + b"\n")
            if content is not None:
                self._process.stdin.write(content)
            await self._process.stdin.drain()

    def kill(self) -> None:
        """It ends at once, and says so by `ended`."""
        kill(self._process)

    async def end(self) -> None:
        """End it, and say nothing of it."""
        self._ended = lambda worker: None
        await end(self._process)
        for task in (self._listening, self._hearing):
            if task is not None:
                task.cancel()
        await asyncio.gather(self._hearing, *([self._listening] if self._listening else []), return_exceptions=True)

    async def why(self) -> str:
        """Why it ended, as far as anybody knows."""
        code = await self._process.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                await asyncio.shield(self._hearing)
        if code < 0:
            name = signal.Signals(-code).name if -code in signal.valid_signals() else str(-code)
            return f"its process was ended by {name}" + (", as by a system without memory" if code == -9 else "")
        said = next((line for line in reversed(self._printed) if line.strip()), "")
        return f"its process ended with exit code {code}" + (f": {said.strip()}" if said else "")

    async def _load(self) -> None:
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line.endswith(b"\n"):
            raise Died(await self.why())
        try:
            self.ready = from_json(line, Ready)
        except ValueError:
            raise CannotLoad(from_json(line, NotReady).failed) from None

    async def _listen(self) -> None:
        assert self._process.stdout is not None
        with contextlib.suppress(ValueError, ConnectionError):  # a line that is longer than any may be
            while (line := await self._process.stdout.readline()).endswith(b"\n"):
                self._answered(from_json(line, Answered))
        await end(self._process)
        self.is_gone = True
        self._ended(self)

    async def _hear(self) -> None:
        assert self._process.stderr is not None
        with contextlib.suppress(ValueError, ConnectionError):
            async for line in self._process.stderr:
                self._printed.append(line.decode(errors="replace"))
