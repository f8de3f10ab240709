"""Unpacks a zip without trusting anything it says about itself: `python -m assistant.data.archives ARCHIVE FOLDER`, a process of its own.

What it prints is one JSON object: {"files": number}, {"refused": why} or {"no_room": why}. It ends with whoever asked.
"""

import errno
import io
import json
import lzma
import resource
import shutil
import stat
import struct
import sys
import zipfile
import zlib
from pathlib import Path, PurePosixPath

from assistant.data.archive_names import decode_names
from assistant.machine.disk_room import KEEP_FREE_BYTES
from assistant.machine.engine_environment import engine_environment
from assistant.machine.own_process import NoAnswer, ask
from assistant.settings import Settings
from engine.contract.asker import end_with_asker
from prompts.figures import counted

MAX_FILES = 200_000
MAX_TOTAL_BYTES = 50 << 30
MAX_FILE_BYTES = 512 << 20
MAX_DIRECTORY_BYTES = 64 << 20  # the list of all entries, which is read whole
MAX_DEPTH = 50
MAX_RATIO = 200  # compressed images do not shrink further; a bomb does
SMALL_BYTES = 1 << 20  # of one entry, and
SMALL_TOTAL_BYTES = 16 << 20  # of all: what shrinks more than that is no harm
MEMORY_BYTES = 1 << 30  # of addresses
SECONDS = 2 * 3600
UNICODE_PATH = 0x7075  # extra field that holds the name in UTF-8, and which name it stands for
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
# What the readers of archives raise on damage; bz2 an OSError without a number
DAMAGES = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, struct.error, EOFError, ValueError, LookupError, OverflowError,
    NotImplementedError, RuntimeError, MemoryError,
)  # fmt: skip


class BadArchive(ValueError):
    """The archive is refused; the message says why and names the entry."""


class NoRoom(BadArchive):
    """The disk is full, or would be; the message says what is needed."""


async def unpack_elsewhere(settings: Settings, archive: Path, folder: Path) -> int:
    """As `unpack`, by a process of its own, which a bomb of any kind can end.

    Raises:
        BadArchive, NoRoom
    """
    command = [sys.executable, "-m", "assistant.data.archives", str(archive.absolute()), str(folder.absolute())]
    try:
        answer = await ask(command, engine_environment(settings), timeout_s=SECONDS)
    except NoAnswer:
        raise BadArchive(f"the archive could not be unpacked within {SECONDS // 3600} hours; split it") from None
    try:
        said = json.loads(answer.out)
    except ValueError:
        raise BadArchive(f"the archive could not be unpacked ({answer.last_words}); pack the folder again") from None
    if "no_room" in said:
        raise NoRoom(said["no_room"])
    if "refused" in said:
        raise BadArchive(said["refused"])
    return int(said["files"])


def main() -> None:
    end_with_asker()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    try:
        said: dict[str, object] = {"files": unpack(Path(sys.argv[1]), Path(sys.argv[2]))}
    except NoRoom as error:
        said = {"no_room": str(error)}
    except BadArchive as error:
        said = {"refused": str(error)}
    print(json.dumps(said, allow_nan=False))


def unpack(archive: Path, folder: Path) -> int:
    """Unpack `archive` into the new `folder` and return the number of files. On refusal nothing is left behind.

    Raises:
        BadArchive: not a zip, damaged, encrypted, a name that leaves the folder, a link, two entries of one name, too large, or a bomb.
        NoRoom: the disk is too small for it.
    """
    try:
        with _Bounded(io.FileIO(archive)) as file, zipfile.ZipFile(file) as opened:
            entries = _named(opened.infolist())
            _check(entries, archive_bytes=archive.stat().st_size, free=shutil.disk_usage(folder.parent).free)
            folder.mkdir(parents=True)
            for entry in entries:
                _extract(opened, entry, folder / PurePosixPath(entry.filename))
            return len(entries)
    except BadArchive:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    except DAMAGES as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise BadArchive(
            f"the file is not a zip archive that can be read ({error or type(error).__name__}); pack the folder as a plain .zip again"
        ) from error
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        if error.errno in FULL:
            raise NoRoom("the disk became full while the archive was unpacked") from error
        if error.errno in (None, errno.EINVAL):  # or a directory that points outside the file
            raise BadArchive("the zip archive is damaged; pack the folder again") from error
        raise


class _Bounded(io.BufferedReader):
    """A file of which nobody takes more at once than the list of entries may have."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY_BYTES:
            raise BadArchive(f"the list of its files has {size >> 20} MiB; pack fewer files into one archive")
        return super().read(size)


def _named(entries: list[zipfile.ZipInfo]) -> list[zipfile.ZipInfo]:
    """The files among the entries, without what systems add on their own. Their names are what the archive itself says, else guessed."""
    marked = {id(entry): entry.flag_bits & 0x800 or _unicode_path(entry) for entry in entries}
    unmarked = [entry for entry in entries if not marked[id(entry)]]
    for entry, name in zip(unmarked, decode_names([_raw(entry) for entry in unmarked]), strict=True):
        entry.filename = name
    return [entry for entry in entries if not entry.is_dir() and not _is_clutter(entry.filename)]


def _raw(entry: zipfile.ZipInfo) -> bytes:
    return entry.orig_filename.encode("cp437")  # as zipfile takes all that is not marked as UTF-8


def _unicode_path(entry: zipfile.ZipInfo) -> bool:
    """Take the name from the extra field that newer programs write beside the one of old, where that is of this name."""
    extra = entry.extra
    while len(extra) >= 4:
        kind, size = struct.unpack("<HH", extra[:4])
        content, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == UNICODE_PATH and len(content) > 5 and content[1:5] == struct.pack("<I", zlib.crc32(_raw(entry))):
            entry.filename = content[5:].decode("utf-8")
            return True
    return False


def _check(entries: list[zipfile.ZipInfo], *, archive_bytes: int, free: int) -> None:
    if not entries:
        raise BadArchive("the archive is empty; pack the folder that holds the images")
    if len(entries) > MAX_FILES:
        raise BadArchive(f"the archive holds {counted(len(entries), 'file')}; at most {MAX_FILES} are allowed")
    total = sum(entry.file_size for entry in entries)
    if total > MAX_TOTAL_BYTES:
        raise BadArchive(f"the archive unpacks to {total >> 30} GiB; at most {MAX_TOTAL_BYTES >> 30} GiB are allowed")
    if total > SMALL_TOTAL_BYTES + MAX_RATIO * archive_bytes:
        raise BadArchive(
            f"the archive unpacks to {total >> 20} MiB, {total // archive_bytes} times its size: no images do that"
        )
    if sum(entry.compress_size for entry in entries) > archive_bytes:
        raise BadArchive("the entries of the archive lie over each other; pack the folder again")
    if total > free - KEEP_FREE_BYTES:
        raise NoRoom(
            f"the archive unpacks to {total >> 20} MiB, but only {free >> 20} MiB of disk are free; make room first"
        )
    for entry in entries:
        _check_entry(entry)
    _refuse_twins([PurePosixPath(entry.filename) for entry in entries])


def _check_entry(entry: zipfile.ZipInfo) -> None:
    path = PurePosixPath(entry.filename)
    name = repr(entry.filename)[:120]
    if (
        path.is_absolute()
        or ".." in path.parts
        or "\\" in entry.filename
        or not path.parts
        or ":" in path.parts[0]
        or "\0" in entry.orig_filename
    ):
        raise BadArchive(f"the entry {name} would leave the data set's folder; pack the folder again with plain names")
    if len(entry.filename.encode()) > 1000 or any(len(part.encode()) > 255 for part in path.parts):
        raise BadArchive(f"the name {name} is too long; at most 255 bytes a part")
    if len(path.parts) > MAX_DEPTH:
        raise BadArchive(f"the entry {name} lies {len(path.parts)} folders deep; at most {MAX_DEPTH} are allowed")
    if stat.S_ISLNK(entry.external_attr >> 16):
        raise BadArchive(f"the entry {name} is a symbolic link; pack the files themselves")
    if entry.flag_bits & 0x1:
        raise BadArchive(f"the entry {name} is encrypted; pack it without a password")
    if entry.file_size > MAX_FILE_BYTES:
        raise BadArchive(
            f"the entry {name} is {entry.file_size >> 20} MiB; at most {MAX_FILE_BYTES >> 20} MiB are allowed"
        )
    if entry.file_size > SMALL_BYTES and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
        raise BadArchive(
            f"the entry {name} is packed {entry.file_size // max(entry.compress_size, 1)} times: no image does that"
        )


def _refuse_twins(paths: list[PurePosixPath]) -> None:
    """Names that differ only in case are one on other systems; what is a file is no folder too."""
    seen: set[str] = set()
    for path in paths:
        if str(path).casefold() in seen:
            raise BadArchive(
                f"two entries have the name {str(path)[:120]!r}; names that differ only in case count as one"
            )
        seen.add(str(path).casefold())
    for path in paths:
        for folder in path.parents:
            if str(folder).casefold() in seen:
                raise BadArchive(f"{str(folder)[:120]!r} is a file and a folder at once; pack the folder again")


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    written = 0
    with archive.open(entry) as source, target.open("xb") as out:
        while block := source.read(1 << 20):
            written += len(block)
            if written > entry.file_size:
                raise BadArchive(f"the entry {entry.filename!r} holds more than it declares")
            out.write(block)


def _is_clutter(name: str) -> bool:
    """What operating systems add to archives on their own."""
    parts = PurePosixPath(name).parts
    return "__MACOSX" in parts or (
        bool(parts) and (parts[-1].startswith("._") or parts[-1] in (".DS_Store", "Thumbs.db", "desktop.ini"))
    )


if __name__ == "__main__":
    main()
