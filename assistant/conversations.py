"""All conversations of a workspace, and what the agent remembers of each."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic_ai import Conversation as History
from pydantic_ai import ConversationTypeAdapter
from sqlalchemy import delete, select, update

from assistant.conversation import Conversation
from assistant.frames import Language
from assistant.store.tables import ConversationRow, now

if TYPE_CHECKING:
    from assistant.workspace import Workspace


@dataclass(frozen=True)
class Heading:
    """A conversation as the list shows it."""

    id: str
    title: str
    language: Language
    updated_at: datetime
    is_empty: bool


class Conversations:
    """Open conversations are shared: every page of one gets the same object."""

    def __init__(self, workspace: "Workspace"):
        self._workspace, self._database = workspace, workspace.database
        self._open: dict[str, Conversation] = {}

    async def create(self, language: Language) -> Conversation:
        """A new conversation; an empty one that lies unused is taken first."""
        query = select(ConversationRow).where(ConversationRow.revision == 0).limit(1)
        async with self._database.session() as session:
            row = (await session.scalars(query)).first()
            if row is None:
                row = ConversationRow(id=secrets.token_hex(6), title="", language=language)
                session.add(row)
        return await self.get(row.id)

    async def list(self) -> Sequence[Heading]:
        """Headings, the latest change first."""
        async with self._database.session() as session:
            rows = (await session.scalars(select(ConversationRow).order_by(ConversationRow.updated_at.desc()))).all()
        return [Heading(row.id, row.title, _language(row.language), row.updated_at, row.revision == 0) for row in rows]

    async def get(self, conversation: str) -> Conversation:
        """The conversation of that id.

        Raises:
            LookupError: there is none.
        """
        if conversation not in self._open:
            row = await self._row(conversation)
            opened = Conversation(self._workspace, conversation, title=row.title)
            await opened.transcript.settle()
            self._open.setdefault(conversation, opened)
        return self._open[conversation]

    async def rename(self, conversation: str, title: str) -> None:
        opened = await self.get(conversation)
        opened.title = title.strip()[:200]
        await self._set(conversation, title=opened.title)

    async def delete(self, conversation: str) -> None:
        """Forget a conversation with all its items and plans. Its runs stay."""
        if (opened := self._open.pop(conversation, None)) is not None:
            await opened.close()
        async with self._database.session() as session:
            await session.execute(delete(ConversationRow).where(ConversationRow.id == conversation))

    async def history(self, conversation: str) -> History:
        """What the agent remembers."""
        row = await self._row(conversation)
        return (
            ConversationTypeAdapter.validate_json(row.history) if row.history else History(conversation_id=conversation)
        )

    async def save_history(self, conversation: str, history: History) -> None:
        await self._set(conversation, history=ConversationTypeAdapter.dump_json(history).decode())

    async def language(self, conversation: str) -> Language:
        return _language((await self._row(conversation)).language)

    async def note(self, conversation: str, *, language: Language, title: str) -> None:
        """Remember the language of the latest message, and the title."""
        await self._set(conversation, language=language, title=title)

    async def close(self) -> None:
        """End every answer that is being made."""
        for conversation in self._open.values():
            await conversation.close()

    async def _row(self, conversation: str) -> ConversationRow:
        async with self._database.session() as session:
            row = await session.get(ConversationRow, conversation)
        if row is None:
            raise LookupError(f"there is no conversation {conversation!r}")
        return row

    async def _set(self, conversation: str, **values: Any) -> None:
        async with self._database.session() as session:
            await session.execute(
                update(ConversationRow).where(ConversationRow.id == conversation).values(**values, updated_at=now())
            )


def _language(value: str) -> Language:
    return "ko" if value == "ko" else "zh" if value == "zh" else "en"
