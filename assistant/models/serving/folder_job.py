"""All pictures of a folder, judged by a model; and those that come into it later, for as long as it is watched.

A file that is still being written is waited for, and each is judged once, as long as it stays the same. What cannot be read is told.
"""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.models.serving.pool import Busy, Picture
from assistant.models.serving.predictions import Predictions
from assistant.refused import Refused
from engine.contract.picture_files import SUFFIXES

AT_ONCE = 8  # pictures of one request; another is under way beside it
BETWEEN_LOOKS_S = 0.5
SETTLED_S = 1.0  # a file that did not change for so long is whole
GIVEN_UP_S = 10.0  # one that cannot be read may still be written, until it did not change for so long


class NoPictures(Refused):
    """There is nothing to judge at that path."""


@dataclass(frozen=True)
class Found:
    """A file that may be a picture; `stamp` tells it from another one of the same name."""

    path: Path
    name: str  # inside the folder
    stamp: tuple[int, int]  # its time of change in nanoseconds, and its bytes

    @property
    def key(self) -> tuple[Path, tuple[int, int]]:
        return self.path, self.stamp

    @property
    def age_s(self) -> float:
        return time.time() - self.stamp[0] / 1e9


class FolderJob:
    """Use `async for told in FolderJob(...).told()`; `stop` ends it after what is under way."""

    def __init__(
        self,
        predictions: Predictions,
        reference: str,
        path: Path,
        *,
        who: str,
        draw: bool,
        watch: bool = False,
        only: Collection[str] | None = None,
    ):
        """`only`: names of files inside the folder that are judged; None is all pictures in it."""
        self._predictions, self._reference, self._path = predictions, reference, path.absolute()
        self._who, self._draw, self._watch, self._only = who, draw, watch, only
        self._done: set[tuple[Path, tuple[int, int]]] = set()
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        self._stopped.set()

    async def told(self) -> AsyncIterator[dict[str, Any]]:
        """What is said of each picture, as by `Predictions.predict`, with its `path`.

        Raises:
            NoPictures: there is no such path, or nothing in it that may be a picture, and it is not watched.
            UnknownModel, UnknownRun, NoResults, RunElsewhere: nothing that can be served.
        """
        await self._predictions.resolve(self._reference)
        found = await asyncio.to_thread(self._found)
        if found is None or not (found or self._watch):
            raise _nothing(self._path, found)
        while not self._stopped.is_set():
            whole = [each for each in found or () if each.key not in self._done and self._is_settled(each)]
            async for each, told in self._judged(whole):
                if self._watch and "broken" in told and each.age_s < GIVEN_UP_S:
                    continue  # looked at again
                self._done.add(each.key)
                yield {**told, "path": str(each.path)}
            if not self._watch:
                return
            with suppress(TimeoutError):
                async with asyncio.timeout(BETWEEN_LOOKS_S):
                    await self._stopped.wait()
            found = await asyncio.to_thread(self._found)

    def _found(self) -> list[Found] | None:
        found = pictures_at(self._path)
        return found if found is None or self._only is None else [each for each in found if each.name in self._only]

    def _is_settled(self, found: Found) -> bool:
        return not self._watch or (found.age_s >= SETTLED_S and (found.stamp[1] > 0 or found.age_s >= GIVEN_UP_S))

    async def _judged(self, found: Sequence[Found]) -> AsyncIterator[tuple[Found, dict[str, Any]]]:
        """In their order; while some are computed the next ones are on their way."""
        batches = [found[at : at + AT_ONCE] for at in range(0, len(found), AT_ONCE)]
        under_way: list[tuple[Sequence[Found], asyncio.Task[list[dict[str, Any]]]]] = []
        try:
            for batch in batches:
                if self._stopped.is_set():
                    break
                under_way.append((batch, asyncio.create_task(self._ask(batch))))
                if len(under_way) == 2:
                    for pair in zip(under_way[0][0], await under_way[0][1], strict=True):
                        yield pair
                    del under_way[0]
            for batch, task in under_way:
                for pair in zip(batch, await task, strict=True):
                    yield pair
        finally:
            for _, task in under_way:
                task.cancel()

    async def _ask(self, found: Sequence[Found]) -> list[dict[str, Any]]:
        pictures = [await asyncio.to_thread(_picture, each) for each in found]
        while True:
            try:
                told = await self._predictions.predict(self._reference, pictures, who=self._who, draw=self._draw)
                return told.pictures
            except Busy as busy:
                await asyncio.sleep(busy.retry_after_s or 1)


def names_inside(path: Path) -> list[str]:
    """The pictures that there are to judge, by their names inside the folder.

    Raises:
        NoPictures: there is no such path, or nothing in it that may be a picture.
    """
    found = pictures_at(path)
    if not found:
        raise _nothing(path, found)
    return [each.name for each in found]


def _nothing(path: Path, found: Sequence[Found] | None) -> NoPictures:
    what = "no file and no folder" if found is None else "no pictures (PNG, JPEG, BMP, TIFF, WEBP) in it"
    return NoPictures("no_pictures_there", f"{path}: there is {what}", "name a folder that holds some", path=str(path))


def pictures_at(path: Path) -> list[Found] | None:
    """The file, or those of the folder and of the folders in it, by name; None where there is nothing."""
    if path.is_dir():
        found = (_found(file, file.relative_to(path).as_posix()) for file in _files(path))
        return [each for each in found if each is not None]
    alone = _found(path, path.name)
    return None if alone is None else [alone]


def _files(folder: Path) -> Iterator[Path]:
    for at, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        yield from (
            Path(at, name)
            for name in sorted(names)
            if Path(name).suffix.lower() in SUFFIXES and not name.startswith(".")
        )


def _found(path: Path, name: str) -> Found | None:
    try:
        status = path.stat()
    except OSError:  # gone meanwhile
        return None
    return Found(path, name, (status.st_mtime_ns, status.st_size))


def _picture(found: Found) -> Picture:
    """By its path; where that is no text (a byte that is no UTF-8), by its bytes."""
    name = found.name.encode(errors="backslashreplace").decode()
    try:
        str(found.path).encode()
    except UnicodeEncodeError:
        return Picture(name, content=found.path.read_bytes())
    return Picture(name, path=found.path)
