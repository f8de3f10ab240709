"""The server's companion that tells MLflow: `murascope track --follow`, started when there is something to tell, ended with the server.

It is looked for every few seconds whether anything is untold; the companion ends by itself when there has been nothing for a while, and
with it goes the memory that MLflow takes.
"""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from assistant.machine.own_process import start
from assistant.machine.troubles import Watch
from assistant.models.tracking.tracker import Tracker
from assistant.settings import Settings

LOOKS_EVERY_S = 3.0
LONGEST_WAIT_S = 300.0  # until one that ended badly is started again
COMMAND = [sys.executable, "-c", "from assistant.cli import main; main()", "track", "--follow"]


class Companion:
    """Works inside `working()`; where tracking is off it does nothing."""

    def __init__(self, settings: Settings, tracker: Tracker):
        self._settings, self._tracker = settings, tracker
        self._closing = asyncio.Event()
        self._troubles = Watch()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        if self._settings.tracking == "off":
            yield
            return
        task = asyncio.create_task(self._work())
        try:
            yield
        finally:
            self._closing.set()
            await asyncio.gather(task, return_exceptions=True)

    async def _work(self) -> None:
        wait_s = LOOKS_EVERY_S
        while not await self._closed_within(wait_s):
            is_fine = True
            with self._troubles.over("what MLflow is to be told"):
                is_fine = not await self._tracker.pending() or await self._told()
            wait_s = LOOKS_EVERY_S if is_fine else min(4 * wait_s, LONGEST_WAIT_S)

    async def _told(self) -> bool:
        """Start the companion and wait for its end; whether it ended well."""
        environment = {**os.environ, "MURASCOPE_HOME": str(self._settings.home)}
        process = await start(COMMAND, environment, stderr=asyncio.subprocess.DEVNULL)
        ended = asyncio.create_task(process.wait())
        closing = asyncio.create_task(self._closing.wait())
        await asyncio.wait({ended, closing}, return_when=asyncio.FIRST_COMPLETED)
        closing.cancel()
        if not ended.done():
            with suppress(ProcessLookupError):
                process.kill()  # nothing is lost by that
            await ended
        return process.returncode == 0

    async def _closed_within(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._closing.wait(), seconds)
            return True
        return False
