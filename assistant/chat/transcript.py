"""The items of one conversation: stored with a growing revision, and told to every open page.

A page asks for everything after the revision it knows, then listens. So a reload, a second tab or a restart of the server shows
the same conversation.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any, cast

from sqlalchemy import CursorResult, Table, func, insert, select, update

from assistant.frames import (
    ITEM,
    AssistantItem,
    DeltaFrame,
    ErrorItem,
    Item,
    ItemFrame,
    OutFrame,
    ToolItem,
    TurnFrame,
    UserItem,
)
from assistant.machine.masking import Mask, MaskedText
from assistant.store.database import Database
from assistant.store.tables import ConversationRow, ItemRow, now

ITEMS, CONVERSATIONS = cast(Table, ItemRow.__table__), cast(Table, ConversationRow.__table__)
MOST_WAITING_FRAMES = 2000  # a page that reads slower than this is cut off; it comes back and asks for what it missed


class Transcript:
    """The items of the conversation `id`."""

    def __init__(self, database: Database, conversation: str, mask: Mask):
        self.conversation = conversation
        self._database, self._mask = database, mask
        self._pages: set[_Page] = set()
        self.told = 0  # the revision up to which the open pages know everything
        self._streaming: dict[str, MaskedText] = {}
        self._noting: list[list[Item]] = []
        self._writing = asyncio.Lock()

    async def items(self, after: int = 0) -> list[tuple[str, int, Item]]:
        """Key, revision and item of everything that changed after revision `after`, in the order of the conversation.

        An answer that is being written right now comes with its text so far. What nobody here knew, for another process wrote it, is told to
        the open pages, too.
        """
        rows = await self._rows(after)
        if after <= self.told:
            self._tell_news(rows)
        return [(row.key, row.revision, self._with_text(row.key, _stored(row))) for row in rows]

    async def _rows(self, after: int) -> list[ItemRow]:
        query = (
            select(ItemRow)
            .where(ItemRow.conversation == self.conversation, ItemRow.revision > after)
            .order_by(ItemRow.position)
        )
        async with self._database.reading() as session:
            return list(await session.scalars(query))

    def _tell_news(self, rows: list[ItemRow]) -> None:
        for row in sorted(rows, key=lambda each: each.revision):
            if row.revision > self.told:
                item = self._with_text(row.key, _stored(row))
                self._tell(ItemFrame(key=row.key, revision=row.revision, item=item))
                self.told = row.revision

    async def get(self, key: str) -> Item | None:
        async with self._database.reading() as session:
            row = await session.get(ItemRow, (self.conversation, key))
        return _stored(row) if row else None

    async def show(self, key: str, item: Item) -> None:
        """Add an item at the end, or replace the one with this key where it stands."""
        item = self._mask.value(item)
        async with self._writing, self._database.session() as session:
            bump = update(CONVERSATIONS).where(CONVERSATIONS.c.id == self.conversation)
            raised = bump.values(revision=CONVERSATIONS.c.revision + 1, updated_at=now())
            revision = await session.scalar(raised.returning(CONVERSATIONS.c.revision))
            if revision is None:
                return  # the conversation was deleted in the meantime
            mine, body = ITEMS.c.conversation == self.conversation, item.model_dump(mode="json")
            change = update(ITEMS).where(mine, ITEMS.c.key == key).values(body=body, revision=revision)
            is_new = cast("CursorResult[Any]", await session.execute(change)).rowcount == 0
            if is_new:
                last = select(func.coalesce(func.max(ITEMS.c.position), 0) + 1).where(mine).scalar_subquery()
                row = {"conversation": self.conversation, "key": key, "body": body, "revision": revision}
                await session.execute(insert(ITEMS).values(position=last, **row))
        if isinstance(item, AssistantItem) and item.state == "streaming":
            self._streaming[key] = MaskedText(self._mask, item.text)
        else:
            self._streaming.pop(key, None)
        for added in self._noting if is_new else ():
            added.append(item)
        if revision > self.told + 1:  # another process wrote in the meantime
            self._tell_news(await self._rows(self.told))
        elif revision > self.told:
            self._tell(ItemFrame(key=key, revision=revision, item=item))
            self.told = revision

    @contextmanager
    def noting(self) -> Iterator[list[Item]]:
        """The items that are added while the block is open."""
        added: list[Item] = []
        self._noting.append(added)
        try:
            yield added
        finally:
            self._noting.remove(added)

    async def update(self, key: str, **changes: Any) -> None:
        """Change fields of an item that is shown; nothing happens when there is none."""
        if (item := await self.get(key)) is not None:
            await self.show(key, item.model_copy(update=changes))

    def add_text(self, key: str, text: str) -> None:
        """More of the answer `key` that is being written; it is stored when the answer is complete."""
        self._streaming[key].add(text)
        self._tell(DeltaFrame(key=key, text=self._streaming[key].text))

    def tell_turn(self, *, working: bool) -> None:
        self._tell(TurnFrame(state="working" if working else "idle"))

    def tell_unstored(self, key: str, item: Item) -> None:
        """Show an item to the pages that are open, and to no later one: for what must be said when nothing can be stored."""
        self._tell(ItemFrame(key=key, revision=0, item=item))

    async def settle(self) -> None:
        """After a restart: what was being written or worked on then is not any more, and what was said last is answered."""
        items = await self.items()
        for key, _, item in items:
            if isinstance(item, AssistantItem) and item.state == "streaming":
                await self.show(key, item.model_copy(update={"state": "stopped"}))
            elif isinstance(item, ToolItem) and item.state == "running":
                await self.show(
                    key,
                    item.model_copy(
                        update={"state": "failed", "error": "the server was restarted in the meantime; ask again"}
                    ),
                )
        if items and isinstance(items[-1][2], UserItem):
            message = "the server was stopped before this was answered"
            error = ErrorItem(code="interrupted", message=message, hint="say it again", retry=True)
            await self.show(f"unanswered-{items[-1][0]}", error)

    @asynccontextmanager
    async def subscribe(self) -> AsyncIterator[AsyncIterator[OutFrame]]:
        """Live frames from here on; ends by itself for a page that cannot keep up."""
        page = _Page()
        self._pages.add(page)
        try:
            yield page.frames()
        finally:
            self._pages.discard(page)

    def _tell(self, frame: OutFrame) -> None:
        for page in list(self._pages):
            if not page.take(frame):
                self._pages.discard(page)

    def _with_text(self, key: str, item: Item) -> Item:
        growing = self._streaming.get(key)
        return item.model_copy(update={"text": growing.text}) if growing is not None else item


class _Page:
    """The frames that one page has not read yet. Of an answer that is being written only the newest text waits."""

    def __init__(self) -> None:
        self._waiting: deque[OutFrame] = deque()
        self._news = asyncio.Event()
        self._is_cut_off = False

    def take(self, frame: OutFrame) -> bool:
        """Whether the page still keeps up."""
        last = self._waiting[-1] if self._waiting else None
        if isinstance(frame, DeltaFrame) and isinstance(last, DeltaFrame) and frame.key == last.key:
            self._waiting[-1] = frame
        elif len(self._waiting) < MOST_WAITING_FRAMES:
            self._waiting.append(frame)
        else:
            self._is_cut_off = True
        self._news.set()
        return not self._is_cut_off

    async def frames(self) -> AsyncIterator[OutFrame]:
        while not self._is_cut_off:
            if self._waiting:
                yield self._waiting.popleft()
            else:
                self._news.clear()
                await self._news.wait()


def _stored(row: ItemRow) -> Item:
    """The item of a row; fields that an earlier version stored and this one does not know are passed over."""
    return ITEM.validate_python(row.body, extra="ignore")
