"""Judged pictures and their heatmaps: files of this home, within a budget. The oldest are dropped first; what was said stays in the database.

A picture that arrived over the network is kept as it came, one that lies in a folder of the user's as a link to it: so that it is there when
somebody says what it is (assistant/models/reviewed_pictures.py).
"""

import asyncio
import logging
import os
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from assistant.models.serving.pool import Picture
from assistant.settings import Settings

logger = logging.getLogger(__name__)

SAME_FOLDER = 6  # digits: those of a quarter of an hour lie together
BETWEEN_LOOKS = 100  # pictures that are kept
JUDGED = "judged"  # what the judged picture itself is called, beside what was drawn of it


class KeptPictures:
    """By the id of their prediction, which tells when it was made: the order of ids is that of time."""

    def __init__(self, settings: Settings):
        self._folder = settings.home / "predictions"
        self._most_bytes = int(settings.predictions_gb * 2**30)
        self._kept = 0
        self._tidying: asyncio.Task[None] | None = None

    async def stems(self, ids: list[str]) -> list[str]:
        """Where the pictures of these predictions are to be drawn; the folders are there."""
        stems = [self._stem(each) for each in ids]
        await asyncio.to_thread(_make_folders, stems)
        return [str(stem) for stem in stems]

    def path(self, prediction: str, what: str) -> Path:
        """Of one picture; it may be gone."""
        stem = self._stem(prediction)
        return stem.with_name(stem.name + what)

    async def keep(self, judged: Mapping[str, Picture]) -> None:
        """Keep these pictures, by their predictions. What the disk does not take is not kept."""
        if self._most_bytes > 0:
            await asyncio.to_thread(self._keep_all, judged)

    def added(self, count: int) -> None:
        """Files of so many predictions are new: now and then those beyond the budget are dropped."""
        first = self._kept == 0
        self._kept += count
        if (first or self._kept > BETWEEN_LOOKS) and (self._tidying is None or self._tidying.done()):
            self._kept = 1
            self._tidying = asyncio.create_task(self.tidy())

    async def tidy(self) -> None:
        """Drop the oldest until the rest is within the budget."""
        await asyncio.to_thread(_drop_oldest, self._folder, self._most_bytes)

    async def close(self) -> None:
        if self._tidying is not None:
            await asyncio.gather(self._tidying, return_exceptions=True)

    def _keep_all(self, judged: Mapping[str, Picture]) -> None:
        for prediction, picture in judged.items():
            path = self.path(prediction, JUDGED)
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                _keep(picture, path)
            except OSError as error:
                path.unlink(missing_ok=True)
                logger.warning("a judged picture could not be kept: %s", error.strerror)

    def _stem(self, prediction: str) -> Path:
        return self._folder / prediction[:SAME_FOLDER] / f"{prediction}_"


def new_id() -> str:
    """Of a prediction: when it was made, to the millisecond, and what no other one has."""
    return f"{time.time_ns() // 1_000_000:011x}{secrets.token_hex(4)}"


def _make_folders(stems: list[Path]) -> None:
    for folder in {stem.parent for stem in stems}:
        folder.mkdir(parents=True, exist_ok=True)


def _keep(picture: Picture, path: Path) -> None:
    if picture.content is not None:
        path.write_bytes(picture.content)
        return
    assert picture.path is not None
    if not picture.passes:
        path.symlink_to(picture.path.absolute())
        return
    try:
        os.link(picture.path, path)
    except OSError:  # a file system without hard links
        shutil.copyfile(picture.path, path)


def _drop_oldest(folder: Path, most_bytes: int) -> None:
    files = list(_files(folder))
    too_many = sum(size for _, size in files) - most_bytes
    for path, size in files:
        if too_many <= 0:
            return
        with suppress(FileNotFoundError):
            path.unlink()
        with suppress(OSError):  # others lie in it
            path.parent.rmdir()
        too_many -= size


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    """The oldest first."""
    for at in sorted(os.listdir(folder)) if folder.is_dir() else ():
        within = folder / at
        for name in sorted(os.listdir(within)) if within.is_dir() else ():
            with suppress(FileNotFoundError):
                yield within / name, os.lstat(within / name).st_size
