"""Files of a run folder, opened without ever waiting, read with a limit, and written so that they are whole or not there.

Whoever may write into a home can put a pipe, a device or a link to one in a file's place: a plain `open` of a pipe waits for ever,
and a device has no end. Loads no torch.
"""

import errno
import os
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader, FileIO
from pathlib import Path

ASIDE = ".part"  # how the name ends of what is not whole yet
MOST_BYTES = 64 << 20  # of a file that is read whole
NO_FILE = (
    errno.ENXIO,
    errno.ENODEV,
    errno.ELOOP,
    errno.EISDIR,
)  # a socket, a device of nothing, a ring of links, a folder


class NotPlain(OSError):
    """What has this name is no plain file: a pipe, a device, a folder."""

    def __init__(self, path: Path):
        super().__init__(errno.EINVAL, "it is no plain file", os.fspath(path))


def open_plain(path: Path) -> BufferedReader:
    """The file, to be read.

    Raises:
        FileNotFoundError: there is none.
        NotPlain: it is no plain file.
        OSError: it cannot be opened.
    """
    return os.fdopen(_descriptor(path, os.O_RDONLY), "rb")


def append_plain(path: Path) -> FileIO:
    """The file, made where there is none, to be added to. Nothing waits in a buffer.

    Raises:
        NotPlain: it is no plain file.
        OSError: it cannot be opened.
    """
    return os.fdopen(_descriptor(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT), "ab", buffering=0)


def overwrite_plain(path: Path) -> FileIO:
    """The file, made where there is none, to be written from its beginning; what it held is not cut off. Nothing waits in a buffer.

    Raises:
        NotPlain: it is no plain file.
        OSError: it cannot be opened.
    """
    return os.fdopen(_descriptor(path, os.O_WRONLY | os.O_CREAT), "wb", buffering=0)


def read_plain(path: Path, *, most: int = MOST_BYTES) -> bytes:
    """All of a file.

    Raises:
        FileNotFoundError: there is none.
        NotPlain: it is no plain file.
        OSError: it is larger than `most` bytes, or cannot be read.
    """
    with open_plain(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise OSError(errno.EFBIG, f"it has more than the {most >> 20} MiB that such a file may have", os.fspath(path))
    return content


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file aside and rename it: a reader sees the old one or the new one, never half of one.

    Raises:
        OSError: it cannot be written.
    """
    aside = path.with_name(path.name + ASIDE)
    aside.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    os.replace(aside, path)


@contextmanager
def whole_folder(folder: Path) -> Iterator[Path]:
    """An empty folder beside this one to write into; it takes this one's place when the block ends well, else it stays aside.

    Raises:
        OSError: it cannot be made, or not be renamed.
    """
    aside = folder.with_name(folder.name + ASIDE)
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(parents=True)
    yield aside
    shutil.rmtree(folder, ignore_errors=True)
    os.replace(aside, folder)


def read_end(path: Path, most: int) -> bytes:
    """The last `most` bytes of a file.

    Raises:
        FileNotFoundError: there is none.
        NotPlain: it is no plain file.
        OSError: it cannot be read.
    """
    with open_plain(path) as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - most))
        return file.read(most)


def _descriptor(path: Path, how: int) -> int:
    try:
        descriptor = os.open(path, how | os.O_NONBLOCK | os.O_CLOEXEC, 0o666)
    except OSError as error:
        if error.errno in NO_FILE:
            raise NotPlain(path) from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise NotPlain(path)
    return descriptor
