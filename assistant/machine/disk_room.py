"""How much of the disk must be free for what, and why so much."""

import errno
import os
import shutil
from pathlib import Path

KEEP_FREE_BYTES = (
    1 << 30
)  # whatever archives bring: trainings write to the same disk, models and heatmaps of many images
ROOM_TO_START_BYTES = (
    64 << 20
)  # of a training, which writes about as much; well above FULL_BYTES, or its death would be told as a full disk
FULL_BYTES = 16 << 20  # less, when a process is gone without a word: there was no room for the word either
DATABASE_BYTES = 1 << 20  # with less SQLite cannot open its files, and does not say that this is why


def refuse_full_disk(folder: Path, *, wanted: int, what: str) -> None:
    """
    Raises:
        OSError: fewer bytes are free than are wanted for what is to be done.
    """
    free = shutil.disk_usage(folder).free
    if free < wanted:
        message = f"{os.strerror(errno.ENOSPC)}: {free >> 20} MiB are free, and {what} with {wanted >> 20} at least"
        raise OSError(errno.ENOSPC, message, os.fspath(folder))
