"""The state of a conversation (assistant/state.py), read and taken forward where it is stored: in the conversation's row."""

from collections.abc import Callable
from typing import cast

from sqlalchemy import Table, select, update

from assistant.machine.masking import Mask
from assistant.state import State
from assistant.store.database import Database
from assistant.store.tables import ConversationRow

CONVERSATIONS = cast(Table, ConversationRow.__table__)


class Memory:
    """That of one conversation, the same for every page and every server on its database."""

    def __init__(self, database: Database, conversation: str, mask: Mask):
        self._database, self._conversation, self._mask = database, conversation, mask

    async def state(self) -> State:
        """What the conversation remembers now."""
        query = select(ConversationRow.state).where(ConversationRow.id == self._conversation)
        async with self._database.reading() as session:
            return await session.scalar(query) or State()

    async def change(self, step: Callable[[State], State]) -> State:
        """Take the state one step forward, between nobody else's reading and writing; returns what it is then."""
        mine = ConversationRow.id == self._conversation
        async with self._database.session() as session:
            before = await session.scalar(select(ConversationRow.state).where(mine).with_for_update())
            if before is None:
                return State()  # the conversation was deleted in the meantime
            after = step(before)
            if after != before:
                stored = State.model_validate(self._mask.value(after.model_dump(mode="json")))
                await session.execute(
                    update(CONVERSATIONS).where(CONVERSATIONS.c.id == self._conversation).values(state=stored)
                )
        return after
