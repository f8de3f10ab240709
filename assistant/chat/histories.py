"""What the agent remembers of each conversation, and in which language it is held."""

import json
from typing import Any

from pydantic_ai import Conversation as History
from pydantic_ai import ConversationTypeAdapter
from sqlalchemy import update

from assistant.machine.masking import Mask
from assistant.refused import Refused
from assistant.store.database import Database
from assistant.store.tables import ConversationRow, now
from prompts.languages import Language

SAID = ("content", "args", "instructions", "metadata")  # where messages hold what somebody said


class UnknownConversation(Refused, LookupError):
    """There is no such conversation."""

    status = 404

    def __init__(self, message: str):
        super().__init__("not_found", message)


class Histories:
    """The agent's side of the conversations of one workspace. Reading an unknown one raises UnknownConversation."""

    def __init__(self, database: Database, mask: Mask):
        self._database, self._mask = database, mask

    async def load(self, conversation: str) -> History:
        """The messages so far, and the question that stands open, if any."""
        return self.of(await self.row(conversation))

    def of(self, row: ConversationRow) -> History:
        """The same of a row that was read."""
        return ConversationTypeAdapter.validate_json(row.history) if row.history else History(conversation_id=row.id)

    async def save(self, conversation: str, history: History) -> None:
        stored = self._mask.under(SAID, ConversationTypeAdapter.dump_python(history, mode="json"))
        await self.note(conversation, history=json.dumps(stored, allow_nan=False))

    async def language(self, conversation: str) -> Language:
        """The language of the user's latest message."""
        return as_language((await self.row(conversation)).language)

    async def note(self, conversation: str, **values: Any) -> None:
        """Set columns of the conversation, such as its language or title."""
        if "title" in values:
            values["title"] = self._mask.text(values["title"])
        change = update(ConversationRow).where(ConversationRow.id == conversation)
        async with self._database.session() as session:
            await session.execute(change.values(**values, updated_at=now()))

    async def row(self, conversation: str) -> ConversationRow:
        async with self._database.reading() as session:
            row = await session.get(ConversationRow, conversation)
        if row is None:
            raise UnknownConversation(f"there is no conversation {conversation!r}")
        return row


def as_language(value: str) -> Language:
    return "ko" if value == "ko" else "zh" if value == "zh" else "en"
