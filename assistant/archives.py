"""Unpacks an uploaded zip without trusting anything it says about itself."""

import errno
import shutil
import stat
import zipfile
import zlib
from pathlib import Path, PurePosixPath

MAX_FILES = 200_000
MAX_TOTAL_BYTES = 50 << 30
MAX_FILE_BYTES = 512 << 20
MAX_RATIO = 200  # compressed images do not shrink further; a bomb does
KEEP_FREE_BYTES = 1 << 30


class BadArchive(ValueError):
    """The archive is refused; the message says why and names the entry."""


def unpack(archive: Path, folder: Path) -> int:
    """Unpack `archive` into the new `folder` and return the number of files. On refusal nothing is left behind.

    Names may be UTF-8 or, as Korean and Chinese Windows writes them, CP949 or GBK.

    Raises:
        BadArchive: not a zip, encrypted, a name that leaves the folder, a link, two entries of one name, too large, or a bomb.
    """
    try:
        with zipfile.ZipFile(archive, metadata_encoding=_name_encoding(archive)) as opened:
            entries = [entry for entry in opened.infolist() if not entry.is_dir() and not _is_clutter(entry.filename)]
            _check(entries, free=shutil.disk_usage(folder.parent).free)
            folder.mkdir(parents=True)
            for entry in entries:
                _extract(opened, entry, folder / PurePosixPath(entry.filename))
            return len(entries)
    except (zipfile.BadZipFile, zlib.error, NotImplementedError, EOFError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise BadArchive(
            f"the file is not a zip archive that can be read ({error}); pack the folder as a plain .zip again"
        ) from error
    except (BadArchive, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, OSError) and error.errno == errno.EINVAL:  # a directory that points outside the file
            raise BadArchive("the zip archive is damaged; pack the folder again") from error
        raise


def _check(entries: list[zipfile.ZipInfo], *, free: int) -> None:
    if not entries:
        raise BadArchive("the archive is empty; pack the folder that holds the images")
    if len(entries) > MAX_FILES:
        raise BadArchive(f"the archive holds {len(entries)} files; at most {MAX_FILES} are allowed")
    total = sum(entry.file_size for entry in entries)
    if total > MAX_TOTAL_BYTES:
        raise BadArchive(f"the archive unpacks to {total >> 30} GiB; at most {MAX_TOTAL_BYTES >> 30} GiB are allowed")
    if total > free - KEEP_FREE_BYTES:
        raise BadArchive(
            f"the archive unpacks to {total >> 20} MiB, but only {free >> 20} MiB of disk are free; make room first"
        )
    seen: set[str] = set()
    for entry in entries:
        path = PurePosixPath(entry.filename)
        name = repr(entry.filename)[:120]
        if (
            path.is_absolute()
            or ".." in path.parts
            or "\\" in entry.orig_filename
            or not path.parts
            or ":" in path.parts[0]
            or "\0" in entry.orig_filename
        ):
            raise BadArchive(
                f"the entry {name} would leave the data set's folder; pack the folder again with plain names"
            )
        if len(entry.filename.encode()) > 1000 or any(len(part.encode()) > 255 for part in path.parts):
            raise BadArchive(f"the name {name} is too long; at most 255 bytes a part")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise BadArchive(f"the entry {name} is a symbolic link; pack the files themselves")
        if entry.flag_bits & 0x1:
            raise BadArchive(f"the entry {name} is encrypted; pack it without a password")
        if entry.file_size > MAX_FILE_BYTES:
            raise BadArchive(
                f"the entry {name} is {entry.file_size >> 20} MiB; at most {MAX_FILE_BYTES >> 20} MiB are allowed"
            )
        if entry.file_size > 1 << 20 and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
            raise BadArchive(
                f"the entry {name} is packed {entry.file_size // max(entry.compress_size, 1)} times: no image does that"
            )
        if str(path).casefold() in seen:
            raise BadArchive(f"two entries have the name {name}; names that differ only in case count as one")
        seen.add(str(path).casefold())
    for entry in entries:
        for folder in PurePosixPath(entry.filename).parents:
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


def _name_encoding(archive: Path) -> str | None:
    """How names that are not marked as UTF-8 are to be read; None when all are plain.

    The bytes of a Chinese name are often valid Korean ones too: they are Korean when they give Korean letters.
    """
    with zipfile.ZipFile(archive) as opened:
        raw = b"".join(entry.filename.encode("cp437") for entry in opened.infolist() if not entry.flag_bits & 0x800)
    if raw.isascii():
        return None
    for encoding, is_likely in (("utf-8", lambda text: True), ("cp949", _is_korean), ("gbk", lambda text: True)):
        try:
            if is_likely(raw.decode(encoding)):
                return encoding
        except UnicodeDecodeError:
            continue
    return None


def _is_korean(text: str) -> bool:
    letters = [letter for letter in text if not letter.isascii()]
    return sum("가" <= letter <= "힣" for letter in letters) > 0.7 * len(letters)
