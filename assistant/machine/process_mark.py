"""Which of the processes that share a home does something, and whether it is still there.

Each holds a lock on a file of its own under `HOME/processes/`; the kernel gives it back whatever ends the process. No clock and no process
id says that one lives.
"""

import fcntl
import os
import secrets
from contextlib import suppress
from pathlib import Path

from engine.contract.process_lock import is_held

FOLDER, ENDING = "processes", ".lock"


class ProcessMark:
    """The mark of this process: `name` is told to the others. Held until it is given up, or the process ends."""

    def __init__(self, folder: Path, home: str):
        """`home` is the id of the home that holds the folder (assistant/runs/place.py).

        Raises:
            OSError: the folder cannot be written.
        """
        self._folder, self._home, own = folder / FOLDER, home, secrets.token_hex(8)
        self.name = f"{home}:{own}"
        self._folder.mkdir(parents=True, exist_ok=True)
        _clear_up(self._folder)
        self._file, part = self._folder / f"{own}{ENDING}", self._folder / f"{own}.part"
        self._descriptor = os.open(part, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o644)
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)
        part.rename(self._file)  # under its name it is locked from the beginning

    def lives(self, name: str) -> bool:
        """Whether the process of this mark is there; of another home nobody here can see it, so it is taken to be."""
        home, _, own = name.partition(":")
        return home != self._home or is_held(self._folder / f"{own}{ENDING}")

    def give_up(self) -> None:
        self._file.unlink(missing_ok=True)
        os.close(self._descriptor)


def _clear_up(folder: Path) -> None:
    """Files of processes that have gone."""
    for path in folder.glob(f"*{ENDING}"):
        with suppress(OSError):
            if not is_held(path):
                path.unlink()
