"""What a data set's contents are known by: its fingerprint changes when any picture, mask, name or label does."""

import errno
import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from engine.contract.picture_files import MAX_BYTES, TOO_MANY_BYTES
from engine.datasets import Item

DIGITS = 16  # of a SHA-256: two of a million pictures share them once in 10^7 data sets


def fingerprint(items: Sequence[Item], digests: Iterable[bytes]) -> str:
    """Of a whole data set, given the `digest_of` each item's files."""
    whole = hashlib.sha256()
    for item, digest in zip(items, digests, strict=True):
        group = f"{item.group}\n" if item.group else ""  # decides how the pictures are shared out
        whole.update(f"{item.name}\n{item.split}\n{item.label}\n{group}".encode() + digest)
    return whole.hexdigest()[:DIGITS]


def contents_of(item: Item) -> tuple[bytes | OSError, bytes | OSError | None]:
    """The bytes of an item's picture and of its mask (None without one), or why a file cannot be read."""
    return _contents(item.path), None if item.mask is None else _contents(item.mask)


def digest_of(*contents: bytes | OSError | None) -> bytes:
    """Of files read by `contents_of`; one that cannot be read counts by its reason, such as no permission."""
    digest = hashlib.sha256()
    for content in contents:
        digest.update(str(content.errno).encode() if isinstance(content, OSError) else content or b"")
    return digest.digest()


def _contents(path: Path) -> bytes | OSError:
    if path.exists() and not path.is_file():
        return OSError(errno.EINVAL, "no plain file")  # a pipe would never end
    try:
        if path.stat().st_size > MAX_BYTES:
            return OSError(errno.EFBIG, TOO_MANY_BYTES)
        return path.read_bytes()
    except OSError as error:
        return error
