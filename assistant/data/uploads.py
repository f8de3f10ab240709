"""Uploads under way, and how they are received. Each holds the lock of a file in the home folder, which the death of its process opens: so a server that starts
can tell what a killed one left behind from what another living one, or a command line, is still working at.

    uploads/ID.lock        there as long as the upload is neither finished nor given up
    uploads/ID.zip.part    what has come of the archive
    datasets/ID            the folder that it is unpacked into
"""

import asyncio
import fcntl
import os
import shutil
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from assistant.data.archives import FULL, NoRoom
from assistant.machine.disk_room import KEEP_FREE_BYTES
from assistant.settings import Settings

CHECKED_BYTES = 16 << 20  # how much may come before the room for it is looked at


class Upload:
    """Where one upload keeps its files."""

    def __init__(self, settings: Settings, identity: str):
        self.lock = settings.uploads_folder / f"{identity}.lock"
        self.part = settings.uploads_folder / f"{identity}.zip.part"
        self.folder = settings.datasets_folder / identity  # a name of our own: the user's may not suit this file system


@asynccontextmanager
async def under_way(settings: Settings, identity: str | None = None, *, wait: bool = True) -> AsyncIterator[Upload]:
    """A place for one upload, or for the end of the one of that identity. What was received is gone when the block is left; the folder
    of the data set is left to whoever asked, and to `abandoned` when the process dies in the block.

    Raises:
        BlockingIOError: another process is at it, and we do not wait.
    """
    upload = Upload(settings, identity or uuid.uuid4().hex)
    lock = await asyncio.to_thread(_lock, upload, wait=wait)
    try:
        yield upload
    finally:
        await asyncio.to_thread(_finish, upload, lock)


async def receive(body: AsyncIterator[bytes], part: Path, *, announced: int) -> None:
    """Write what comes to `part`, as long as there is room.

    Raises:
        NoRoom: there is none, for what is announced or for what has come.
    """
    try:
        await asyncio.to_thread(_check_room, part.parent, announced)
        with await asyncio.to_thread(part.open, "xb") as file:
            unchecked = 0
            async for block in body:
                unchecked += len(block)
                if unchecked >= CHECKED_BYTES:
                    await asyncio.to_thread(_check_room, part.parent, unchecked)
                    unchecked = 0
                await asyncio.to_thread(file.write, block)
    except OSError as error:
        if error.errno not in FULL:
            raise
        raise NoRoom(f"the disk became full while the file was received ({error.strerror})") from None


def _check_room(folder: Path, size: int) -> None:
    free = shutil.disk_usage(folder).free
    if size > free - KEEP_FREE_BYTES:
        raise NoRoom(f"{size >> 20} MiB are to be written, but only {free >> 20} MiB of disk are free")


@asynccontextmanager
async def abandoned(settings: Settings) -> AsyncIterator[list[Upload]]:
    """The uploads whose processes died. They are forgotten when the block is left: remove the folders that no data set has."""
    async with AsyncExitStack() as held:
        uploads = []
        for identity in await asyncio.to_thread(_identities, settings):
            with suppress(BlockingIOError):
                uploads.append(await held.enter_async_context(under_way(settings, identity, wait=False)))
        yield uploads


def _identities(settings: Settings) -> list[str]:
    return sorted({path.name.partition(".")[0] for path in settings.uploads_folder.glob("*.*")})


def _lock(upload: Upload, *, wait: bool) -> int:
    """Hold the lock of the upload; gives the open file that holds it.

    Raises:
        BlockingIOError: another process holds it, and we do not wait.
    """
    upload.lock.parent.mkdir(parents=True, exist_ok=True)
    upload.folder.parent.mkdir(parents=True, exist_ok=True)
    while True:
        file = os.open(upload.lock, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _is_still(file, upload.lock):
                return file
        except BlockingIOError:
            os.close(file)
            raise
        os.close(file)


def _is_still(file: int, path: Path) -> bool:
    """Whether the file is the one of that name: whoever cleared up before us took the name away."""
    try:
        return os.path.samestat(os.fstat(file), path.stat())
    except FileNotFoundError:
        return False


def _finish(upload: Upload, lock: int) -> None:
    upload.part.unlink(missing_ok=True)
    upload.lock.unlink(missing_ok=True)
    os.close(lock)
