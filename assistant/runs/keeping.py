"""Sends the files of this home's ended runs to the object store, one run after another, beside everything else.

What is to be sent stands in the database, so nothing is forgotten: while the store is away, or refuses, runs go on and end as ever, and their
files are sent when it takes them. A run's checkpoints are sent where it may be continued from them.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from assistant.machine.object_store import Stopped
from assistant.machine.troubles import Trouble, Watch
from assistant.runs.artifacts import Artifacts, key_of
from assistant.runs.queue import Queue
from assistant.store.tables import RunRow
from engine.contract.folder import CHECKPOINTS

LOOKS_EVERY_S = 5.0
LONGEST_WAIT_S = 300.0  # between tries while something is in the way
OF_THE_STORE = ("store_away", "store_key", "store_bucket")


class Keeper:
    """Works inside `working()`. Without a store it does nothing."""

    def __init__(self, queue: Queue, artifacts: Artifacts | None):
        self._queue, self._artifacts = queue, artifacts
        self._closing = asyncio.Event()
        self._troubles = Watch()

    def trouble(self, run: str) -> Trouble | None:
        """What keeps the files of this run from being sent."""
        return self._troubles.get(_what(run))

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        if self._artifacts is None:
            yield
            return
        task = asyncio.create_task(self._work(self._artifacts))
        try:
            yield
        finally:
            self._closing.set()
            await asyncio.gather(task, return_exceptions=True)

    async def _work(self, artifacts: Artifacts) -> None:
        wait_s = LOOKS_EVERY_S
        while not self._closing.is_set():
            all_sent = False
            with self._troubles.over("the list of what is to be kept"):
                all_sent = await self._look(artifacts)
            wait_s = LOOKS_EVERY_S if all_sent else min(2 * wait_s, LONGEST_WAIT_S)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), wait_s)

    async def _look(self, artifacts: Artifacts) -> bool:
        """Send what is to be sent; whether all of it went."""
        all_sent = True
        for row in await self._queue.to_keep():
            if self._closing.is_set():
                break
            with self._troubles.over(_what(row.id)):
                await self.keep(artifacts, row)
            trouble = self.trouble(row.id)
            if trouble is not None and trouble.code in OF_THE_STORE:  # the next one would fare alike
                return False
            all_sent = all_sent and trouble is None
        return all_sent

    async def keep(self, artifacts: Artifacts, row: RunRow) -> None:
        """
        Raises:
            OSError: not all of its files could be sent.
        """
        folder, key = self._queue.folder_of(row), key_of(str(row.home), row.id, row.attempts)
        names = await asyncio.to_thread(self._queue.files.list, row.id)
        if not names:
            raise FileNotFoundError(f"run {row.id} has no files to be kept")
        if row.state == "succeeded":
            names = [name for name in names if not name.startswith(f"{CHECKPOINTS}/")]
        with suppress(Stopped):
            await asyncio.to_thread(artifacts.keep, key, folder, names, go_on=lambda: not self._closing.is_set())
            await self._queue.write(row.id, kept=key)


def _what(run: str) -> str:
    return f"keeping the files of {run}"
