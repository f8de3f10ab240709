"""All conversations of a workspace: made, listed, opened, renamed, deleted."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import delete, select

from assistant.chat.conversation import Conversation
from assistant.chat.mending import mend
from assistant.chat.parts import Parts
from assistant.store.tables import ConversationRow, now
from prompts.languages import Language

UNUSED_FOR = timedelta(days=1)


@dataclass(frozen=True)
class Heading:
    """A conversation as the list shows it."""

    id: str
    title: str
    updated_at: datetime


class Conversations:
    """Open conversations are shared: every page of one gets the same object."""

    def __init__(self, parts: Parts):
        self._parts, self._database = parts, parts.database
        self._open: dict[str, Conversation] = {}

    async def create(self, language: Language) -> Conversation:
        """A new conversation, nobody else's: of two people who open the page, neither may answer the other's plan."""
        row = ConversationRow(id=secrets.token_hex(6), title="", language=language)
        async with self._database.session() as session:
            session.add(row)
        return await self.get(row.id)

    async def is_unused(self, conversation: str) -> bool:
        """Whether there is such a conversation and nothing was said in it yet."""
        query = select(ConversationRow.id).where(ConversationRow.id == conversation, ConversationRow.revision == 0)
        async with self._database.reading() as session:
            return await session.scalar(query) is not None

    async def list(self, *, also: str | None = None) -> Sequence[Heading]:
        """Headings, the latest change first, of those in which something was said, and `also` of this one."""
        query = select(ConversationRow).where((ConversationRow.revision > 0) | (ConversationRow.id == also))
        async with self._database.reading() as session:
            rows = (await session.scalars(query.order_by(ConversationRow.updated_at.desc()))).all()
        return [Heading(row.id, row.title, row.updated_at) for row in rows]

    async def get(self, conversation: str) -> Conversation:
        """The conversation of that id.

        Raises:
            LookupError: there is none.
        """
        if conversation not in self._open:
            row = await self._parts.histories.row(conversation)
            opened = Conversation(self._parts, conversation, title=row.title)
            await mend(self._parts, opened.transcript, opened.memory, opened.cards, opened.answering)
            self._open.setdefault(conversation, opened)
        return self._open[conversation]

    async def rename(self, conversation: str, title: str) -> None:
        opened = await self.get(conversation)
        opened.title = title.strip()[:200]
        await self._parts.histories.note(conversation, title=opened.title)

    async def delete(self, conversation: str) -> None:
        """Forget a conversation with all its items and plans. Its runs stay."""
        if (opened := self._open.pop(conversation, None)) is not None:
            await opened.close()
        async with self._database.session() as session:
            await session.execute(delete(ConversationRow).where(ConversationRow.id == conversation))

    async def forget_unused(self, *, older_than: timedelta = UNUSED_FOR) -> None:
        """Drop those in which nothing was ever said: each visit of the front door makes one. A young one may be open on a page, of this
        server before it was started anew or of another on the same database."""
        unused = (ConversationRow.revision == 0) & (ConversationRow.created_at < now() - older_than)
        async with self._database.session() as session:
            await session.execute(delete(ConversationRow).where(unused))

    async def close(self) -> None:
        """End every answer that is being made."""
        for conversation in self._open.values():
            await conversation.close()
