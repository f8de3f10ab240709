"""What other processes write into a conversation, told to the pages that have it open here."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from assistant.chat.answering import Answering
from assistant.chat.transcript import Transcript
from assistant.frames import OutFrame
from assistant.machine.troubles import Watch

LOOK_S = 1.0


class Watching:
    """Looks from time to time while a page is open, and only then. It is told to end, not cancelled: nothing is cut off in the database."""

    def __init__(self, transcript: Transcript, answering: Answering):
        self._transcript, self._answering = transcript, answering
        self._pages, self._is_elsewhere = 0, False
        self._looks: set[asyncio.Task[None]] = (
            set()
        )  # that of a page which has left may have its last look still before it
        self._is_over, self._is_closed = asyncio.Event(), False

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[AsyncIterator[OutFrame]]:
        """Live frames from here on, whoever writes; ends by itself for a page that cannot keep up."""
        self._pages += 1
        try:
            if self._pages == 1 and not self._is_closed:
                await self._transcript.look_from_here()
                self._is_over = asyncio.Event()
                look = asyncio.create_task(self._look_on(self._is_over))
                self._looks.add(look)
                look.add_done_callback(self._looks.discard)
            async with self._transcript.subscribe() as frames:
                yield frames
        finally:
            self._pages -= 1
            if not self._pages:
                self._is_over.set()

    async def close(self) -> None:
        """Look no more; returns when the last look has ended, for then the database is closed."""
        self._is_closed = True
        self._is_over.set()
        if self._looks:
            await asyncio.wait(self._looks)

    async def _look_on(self, is_over: asyncio.Event) -> None:
        looking = Watch()
        while not is_over.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(is_over.wait(), LOOK_S)
                return
            with looking.over(f"what others write into conversation {self._transcript.conversation}"):
                await self._look()

    async def _look(self) -> None:
        who = await self._answering.who()
        if who == "gone":  # it ended in the middle of its answer
            await self._answering.claim()
            await self._transcript.settle()
            await self._answering.release()
        await self._transcript.catch_up()
        if (who == "elsewhere") != self._is_elsewhere:
            self._is_elsewhere = who == "elsewhere"
            self._transcript.tell_turn(working=self._is_elsewhere)
