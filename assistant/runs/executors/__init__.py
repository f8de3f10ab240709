"""Where a run computes: one file per executor, chosen by its name."""

from pathlib import Path
from typing import Any, Protocol


class Executor(Protocol):
    """Starts a run somewhere and knows how it is. A handle is plain JSON, so that a restarted server finds the run again."""

    async def start(self, run: Path, *, data: Path) -> dict[str, Any]:
        """Start the engine on the run folder; returns the handle."""

    async def poll(self, handle: dict[str, Any]) -> bool:
        """Whether the run's process is still there."""

    async def stop(self, handle: dict[str, Any], *, grace_s: float) -> None:
        """Ask the run to stop, and after `grace_s` seconds make it."""

    def exit_code(self, handle: dict[str, Any]) -> int | None:
        """How the process ended: its exit code, minus the signal that killed it, or None when that is not known (any more)."""
