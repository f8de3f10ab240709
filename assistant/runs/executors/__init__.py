"""Where a run computes: one file per executor, chosen by its name."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from engine.contract.process_lock import ProcessLock


@dataclass(frozen=True)
class Approved:
    """What a person said yes to, and the engine refuses to differ from: the data's fingerprint (None: any) and the spec's digest."""

    data: str | None
    spec: str


class Executor(Protocol):
    """Starts a run somewhere and knows how it is. It finds a run again by its folder alone, whoever started it."""

    async def start(self, run: Path, *, data: Path, approved: Approved, lock: ProcessLock) -> None:
        """Start the engine on the run folder and hand the run's lock on to it.

        Raises:
            OSError: nothing was started.
        """

    async def is_alive(self, run: Path) -> bool:
        """Whether any process of the run is still there."""

    async def stop(self, run: Path, *, grace_s: float) -> None:
        """Ask the run to stop, and after `grace_s` seconds make it."""

    def exit_code(self, run: Path) -> int | None:
        """How a process that is gone ended: its exit code, minus the signal that killed it, or None when that is not known."""
