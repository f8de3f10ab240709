"""A word that a home gets once and keeps, such as its id. Of several processes that give it one at the same time, one does."""

import os
import secrets
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from engine.contract.plain_files import read_plain

MOST_BYTES = 512


def noted_once(path: Path, make: Callable[[], str], *, mode: int = 0o644) -> str:
    """What the file holds; where there is none yet, what `make` gives is written there first.

    Raises:
        OSError: it can neither be read nor written.
    """
    with suppress(FileNotFoundError):
        return read_plain(path, most=MOST_BYTES).decode("ascii").strip()
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}.part")
    with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="ascii") as file:
        file.write(make())
    try:
        os.link(own, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        own.replace(path)
    own.unlink(missing_ok=True)
    return noted_once(path, make, mode=mode)
