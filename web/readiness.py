"""Whether the server can do its work now: what a load balancer asks before it sends anybody here.

A look that has not come back is not begun again, so a database that hangs costs one waiting task, however often somebody asks.
"""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine
from typing import Any

from assistant.chat.understanding import Understanding
from assistant.machine.troubles import EXPECTED, explain
from assistant.workspace import Workspace

PATIENCE_S = 3.0  # with one look


class Readiness:
    """Looks at what a workspace stands on."""

    def __init__(self, workspace: Workspace, understanding: Understanding):
        self._workspace, self._understanding = workspace, understanding
        self._looking: dict[str, asyncio.Task[str | None]] = {}

    async def reasons(self) -> list[str]:
        """Why it is not ready, a sentence each; none: it is."""
        found = await asyncio.gather(
            self._look("the database", self._database), self._look("the home folder", self._home)
        )
        return [why for why in (*found, self._supervisor(), self._learned()) if why is not None]

    async def _look(self, what: str, look: Callable[[], Coroutine[Any, Any, str | None]]) -> str | None:
        task = self._looking.get(what)
        if task is None or task.done():
            task = self._looking[what] = asyncio.create_task(look())
        done, _ = await asyncio.wait([task], timeout=PATIENCE_S)
        return task.result() if done else f"{what} gave no answer within {PATIENCE_S:.0f} s"

    async def _database(self) -> str | None:
        try:
            await self._workspace.database.check()
        except EXPECTED as error:
            return f"the database cannot be read: {explain(error).message}"
        return None

    async def _home(self) -> str | None:
        try:
            await asyncio.to_thread(self._write)
        except OSError as error:
            return f"the home folder cannot be written: {explain(error).message}"
        return None

    def _write(self) -> None:
        with tempfile.TemporaryFile(dir=self._workspace.settings.home) as file:
            file.write(b"ready")

    def _supervisor(self) -> str | None:
        return None if self._workspace.supervisor.is_working else "runs are not supervised: look at the server's log"

    def _learned(self) -> str | None:
        failed = self._understanding.state == "failed"
        return "what the examples teach could not be made: look at the server's log" if failed else None
