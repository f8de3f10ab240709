"""Small pictures for the page, kept in a cache. They are made by engine processes, a few and not for long: the server decodes nothing."""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from assistant.machine.engine_environment import engine_environment
from assistant.machine.own_process import engine_command, start
from assistant.refused import Refused
from assistant.settings import Settings

MAKERS = 2
SECONDS = 60  # for one picture; whoever takes longer hangs, and is replaced
MOST_WAITING = 2000
DECODING = 2  # to be raised whenever pictures are decoded otherwise: those in the cache are then made anew


class PictureRefused(Refused):
    """The file cannot be shown, and why."""

    status = 415

    def __init__(self, why: str):
        super().__init__("broken_picture", f"the picture cannot be shown: {why}")


class NoPicture(Refused):
    """The picture was not made this time, and why; another try may help."""

    status = 503

    def __init__(self, why: str):
        super().__init__("no_picture", f"the picture cannot be shown: {why}", "try again in a moment")


class SmallPictures:
    """Use `async with SmallPictures.open(settings) as pictures:`; the processes are started when they are first needed."""

    def __init__(self, settings: Settings):
        self._settings = settings
        self._cache = settings.home / "cache" / "pictures"
        self._idle: list[_Maker] = []
        self._free = asyncio.Semaphore(MAKERS)
        self._one_large = asyncio.Lock()  # a large panel takes most of a gigabyte
        self._making: dict[Path, asyncio.Task[None]] = {}

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator["SmallPictures"]:
        pictures = cls(settings)
        try:
            yield pictures
        finally:
            for task in pictures._making.values():
                task.cancel()
            await asyncio.gather(*pictures._making.values(), return_exceptions=True)
            for maker in pictures._idle:
                await maker.end()

    async def get(self, source: Path, longest: int) -> Path:
        """The path of a picture of `source` whose longer side is at most `longest` pixels. Made once, however many ask.

        Raises:
            PictureRefused: it cannot be read as a picture.
            NoPicture: its reader died or hung, its small copy cannot be written, or too many are waiting.
        """
        small, is_there = await asyncio.to_thread(self._place, source, longest)
        if is_there:
            return small
        if small not in self._making:
            if len(self._making) >= MOST_WAITING:
                raise NoPicture(f"{MOST_WAITING} pictures are being made already; try again in a moment")
            task = asyncio.create_task(self._make(source, longest, small))
            task.add_done_callback(lambda done: self._made(small, done))
            self._making[small] = task
        await asyncio.shield(self._making[small])  # whoever asked first may leave while others wait
        return small

    def _place(self, source: Path, longest: int) -> tuple[Path, bool]:
        try:
            status = source.stat()
        except OSError as error:
            raise PictureRefused(error.strerror or str(error)) from None
        known = f"{DECODING}\0{source}\0{status.st_mtime_ns}\0{status.st_size}\0{longest}"
        key = hashlib.sha256(known.encode(errors="surrogateescape")).hexdigest()
        small = self._cache / key[:2] / f"{key}.jpg"
        return small, small.exists()

    def _made(self, small: Path, task: asyncio.Task[None]) -> None:
        del self._making[small]
        if not task.cancelled():
            task.exception()  # those who wait have it; nobody may be left to wait

    async def _make(self, source: Path, longest: int, small: Path) -> None:
        asked = {"picture": str(source), "longest": longest, "target": str(small), "may_be_large": False}
        answer = await self._answer(asked)
        if "is_large" in answer:
            async with self._one_large:
                answer = await self._answer({**asked, "may_be_large": True})
        if "refused" in answer:
            raise PictureRefused(answer["refused"])
        if "failed" in answer:
            raise NoPicture(answer["failed"])

    async def _answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Of a process that is free; one that died without an answer may have been killed from outside: a second one is asked."""
        async with self._free:
            for _ in range(2):
                maker = self._idle.pop() if self._idle else await _Maker.start(self._settings)
                try:
                    answer = await asyncio.wait_for(maker.ask(asked), SECONDS)
                except TimeoutError:
                    raise NoPicture(f"reading it took longer than {SECONDS} s") from None
                finally:
                    if maker.is_fine and not asked["may_be_large"]:
                        self._idle.append(maker)
                    else:  # after a large picture it keeps the memory
                        await maker.end()
                if answer is not None:
                    return answer
        raise NoPicture("the process that read it died twice")


class _Maker:
    """One `python -m engine previews`. `is_fine` until something goes wrong with it."""

    def __init__(self, process: asyncio.subprocess.Process):
        self._process = process
        self.is_fine = True

    @classmethod
    async def start(cls, settings: Settings) -> "_Maker":
        unheard = asyncio.subprocess.DEVNULL  # libraries complain there of every odd file
        return cls(await start(engine_command("previews"), engine_environment(settings), stderr=unheard))

    async def ask(self, asked: dict[str, Any]) -> dict[str, Any] | None:
        """The answer, or None when the process died over it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self.is_fine = False
        with contextlib.suppress(ConnectionError):
            self._process.stdin.write(json.dumps(asked, allow_nan=False).encode() + b"\n")
            await self._process.stdin.drain()
        line = await self._process.stdout.readline()
        if not line.endswith(b"\n"):
            return None
        self.is_fine = True
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def end(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await self._process.wait()
