"""How much room the files of runs take on the disk."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from assistant.runs.files import RunFiles
from assistant.store.tables import ENDED


@dataclass(frozen=True)
class Space:
    """In bytes: of each run by its id, of the deleted ones that can be restored, of all of them, and what is free beside."""

    runs: dict[str, int]
    deleted: dict[str, int]
    taken: int
    free: int


class Room:
    """Measures; what an ended run takes is measured once, since nothing is written there any more."""

    def __init__(self, files: RunFiles, home: Path):
        self._files, self._home = files, home
        self._known: dict[str, int] = {}

    def taken(self, runs: Mapping[str, str], deleted: Mapping[str, str]) -> Space:
        """Of the runs whose files are here; each is told by its id with its state."""
        here = set(self._files.runs())
        of_runs, of_deleted = (
            {run: self._bytes(run, state) for run, state in rows.items() if run in here} for rows in (runs, deleted)
        )
        taken = sum(of_runs.values()) + sum(of_deleted.values())
        return Space(runs=of_runs, deleted=of_deleted, taken=taken, free=shutil.disk_usage(self._home).free)

    def _bytes(self, run: str, state: str) -> int:
        if state not in ENDED:
            return self._files.bytes_of(run)
        if run not in self._known:
            self._known[run] = self._files.bytes_of(run)
        return self._known[run]
