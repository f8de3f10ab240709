"""Which file of a folder is no longer what was written: the SHA-256 of each stands beside them, in `checksums.txt`.

A disk, a copy or an editor may change a file without anybody noticing; a model that scores otherwise, or a figure with another
digit, must not pass for what was measured. The list is as `sha256sum` prints it, with a line of its own at the end. Loads no torch.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from engine.contract.plain_files import open_plain, read_plain

LIST = "checksums.txt"
LAST_LINE = "# sha256 of the lines above: "
GONE = "is gone"
OTHER = "is damaged: its contents are not those that were written"


class DamagedFile(ValueError):
    """A file differs from what was written, or is gone; `path` is which, `why` what is wrong."""

    def __init__(self, path: Path, why: str):
        self.path, self.why = path, why
        super().__init__(f"{path} {why}; train again or bring a whole copy of {path.parent}")


def write_checksums(folder: Path, names: Iterable[str] | None = None) -> None:
    """List the files of these names (None: all in the folder and below it)."""
    chosen = (
        names if names is not None else (str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    )
    lines = "".join(f"{_sha256_of(folder / name)}  {name}\n" for name in sorted(chosen) if name != LIST)
    (folder / LIST).write_text(f"{lines}{LAST_LINE}{_sha256(lines.encode())}\n", encoding="utf-8")


def refuse_damage(folder: Path) -> None:
    """Look at every listed file; a folder without a list, of an older version, is taken as it is.

    Raises:
        DamagedFile: the first that differs.
    """
    for name, digest in _listed(folder).items():
        try:
            found = _sha256_of(folder / name)
        except FileNotFoundError:
            raise DamagedFile(folder / name, GONE) from None
        except OSError as error:
            raise DamagedFile(folder / name, f"cannot be read ({error.strerror})") from None
        if found != digest:
            raise DamagedFile(folder / name, OTHER)


def read_checked(folder: Path, name: str) -> bytes:
    """A file's contents, as they were written.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedFile: it differs from what was written, or cannot be read.
    """
    path = folder / name
    try:
        content = read_plain(path)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise DamagedFile(path, f"cannot be read ({error.strerror})") from None
    if _listed(folder).get(name, digest := _sha256(content)) != digest:
        raise DamagedFile(path, OTHER)
    return content


def _listed(folder: Path) -> dict[str, str]:
    """Digests by name; {} where there is no list."""
    path = folder / LIST
    try:
        lines, mark, last = read_plain(path).decode("utf-8").rpartition(LAST_LINE)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise DamagedFile(path, f"cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise DamagedFile(path, f"cannot be read ({error})") from None
    if not mark or last != _sha256(lines.encode()) + "\n":
        raise DamagedFile(path, OTHER)
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines.splitlines())}


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _sha256_of(path: Path) -> str:
    with open_plain(path) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
