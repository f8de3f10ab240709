"""Who makes an answer in a conversation right now: one of the processes that have it open, and no other beside it."""

import asyncio
from typing import Any, Literal, cast

from sqlalchemy import CursorResult, Table, select, update

from assistant.chat.frame_refused import FrameRefused
from assistant.machine.process_mark import ProcessMark
from assistant.store.database import Database
from assistant.store.tables import ConversationRow

CONVERSATIONS = cast(Table, ConversationRow.__table__)
LOOK_S = 0.2
PATIENCE_S = 10.0  # that the answer of another process is waited for

Who = Literal["nobody", "here", "elsewhere", "gone"]


class Answering:
    """That of one conversation: the mark of the process that makes an answer stands in its row, for as long as it is made."""

    def __init__(self, database: Database, conversation: str, mark: ProcessMark):
        self._database, self._conversation, self._mark = database, conversation, mark

    async def who(self) -> Who:
        """Who makes an answer. `gone`: a process that is not there any more, so that nobody will end it."""
        return await self._who_is(await self._noted())

    async def claim(self) -> Who:
        """Make the answers here from now on; returns who made them until then.

        Raises:
            FrameRefused: another process makes one, and takes its time.
        """
        if await self._replace(None, self._mark.name):  # as it is nearly always
            return "nobody"
        for _ in range(round(PATIENCE_S / LOOK_S) + 1):
            noted = await self._noted()
            who = await self._who_is(noted)
            if who == "here" or (who != "elsewhere" and await self._replace(noted, self._mark.name)):
                return who
            await asyncio.sleep(LOOK_S)
        raise FrameRefused("busy", "an answer is being made elsewhere; wait until it is complete")

    async def release(self) -> None:
        """No answer is made here any more."""
        await self._replace(self._mark.name, None)

    async def _noted(self) -> str | None:
        query = select(ConversationRow.answered_by).where(ConversationRow.id == self._conversation)
        async with self._database.reading() as session:
            return await session.scalar(query)

    async def _who_is(self, noted: str | None) -> Who:
        if noted is None or noted == self._mark.name:
            return "nobody" if noted is None else "here"
        return "elsewhere" if await asyncio.to_thread(self._mark.lives, noted) else "gone"

    async def _replace(self, before: str | None, after: str | None) -> bool:
        """Whether it was still `before`, or the conversation is not there any more."""
        mine, column = CONVERSATIONS.c.id == self._conversation, CONVERSATIONS.c.answered_by
        is_before = column.is_(None) if before is None else column == before
        change = update(CONVERSATIONS).where(mine, is_before).values(answered_by=after)
        async with self._database.session() as session:
            if cast("CursorResult[Any]", await session.execute(change)).rowcount:
                return True
            return await session.scalar(select(CONVERSATIONS.c.id).where(mine)) is None
