"""Pictures of which a person said what they are: files of this home that stay, each once, called by the SHA-256 of its content."""

import errno
import hashlib
import logging
import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Literal

from assistant.settings import Settings

logger = logging.getLogger(__name__)

Kept = Literal["kept", "gone", "changed", "full"]
BLOCK = 1 << 20  # bytes read at a time


class ReviewedPictures:
    """Of one home. All of it may wait for the disk."""

    def __init__(self, settings: Settings):
        self._folder = settings.home / "feedback"
        self._most_bytes = int(settings.feedback_gb * 2**30)

    def path(self, sha256: str) -> Path:
        """Where a picture is, if it is kept."""
        return self._folder / sha256[:2] / sha256

    def keep(self, sha256: str, source: Path) -> Kept:
        """Copy a judged picture here, unless it is here already. `gone`: nothing lies at the source; `changed`: what lies there is another one;
        `full`: the pictures would be more than may be kept, or the disk is full."""
        target = self.path(sha256)
        if target.is_file():
            return "kept"
        part = target.with_name(f".{sha256}.{secrets.token_hex(4)}")
        try:
            if not source.is_file():
                return "gone"
            if self._bytes() + source.stat().st_size > self._most_bytes:
                return "full"
            target.parent.mkdir(parents=True, exist_ok=True)
            if _copied(source, part) != sha256:
                return "changed"
            os.replace(part, target)
            return "kept"
        except OSError as error:
            logger.warning("a reviewed picture could not be kept: %s", error.strerror)
            return "full" if error.errno in (errno.ENOSPC, errno.EDQUOT) else "gone"
        finally:
            part.unlink(missing_ok=True)

    def _bytes(self) -> int:
        found = 0
        for folder, _, names in os.walk(self._folder):
            for name in names:
                with suppress(FileNotFoundError):  # it was another one's part
                    found += os.lstat(os.path.join(folder, name)).st_size
        return found


def _copied(source: Path, target: Path) -> str:
    """Copy a file; gives the SHA-256 of what was copied."""
    digest = hashlib.sha256()
    with source.open("rb") as reading, target.open("xb") as writing:
        while block := reading.read(BLOCK):
            digest.update(block)
            writing.write(block)
    return digest.hexdigest()
