"""A conversation whose agent talks to an LLM over real sockets, with the hands of a person on it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest

from assistant.chat.conversation import Conversation
from assistant.data.datasets import folder_stamp
from assistant.frames import Approve, Decline, Item, ProposalItem, Say
from assistant.settings import Settings
from assistant.store.tables import DatasetRow
from assistant.workspace import Workspace
from tests.data_facts import stored_facts
from tests.llm_server import LLMServer, Protocol

AnyItem = TypeVar("AnyItem", bound=Item)


@dataclass
class Talk:
    """A conversation with the hands of a person on it."""

    workspace: Workspace
    conversation: Conversation

    async def say(self, text: str) -> None:
        await self.conversation.receive(Say(text=text), "en")
        await self.conversation.finish()

    async def approve(self) -> None:
        plan = await self.last(ProposalItem)
        await self.conversation.receive(Approve(proposal=plan.proposal, revision=plan.revision), "en")
        await self.conversation.finish()

    async def decline(self, reason: str) -> None:
        plan = await self.last(ProposalItem)
        await self.conversation.receive(Decline(proposal=plan.proposal, reason=reason), "en")
        await self.conversation.finish()

    async def all(self, kind: type[AnyItem]) -> list[AnyItem]:
        return [item for _, _, item in await self.conversation.items() if isinstance(item, kind)]

    async def last(self, kind: type[AnyItem]) -> AnyItem:
        return (await self.all(kind))[-1]


@asynccontextmanager
async def talking(server: LLMServer, protocol: Protocol, conversation: str | None = None) -> AsyncIterator[Talk]:
    """A workspace with the data set 'oled' in the test's own home folder; a conversation of before, or a new one."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in server.environment(protocol).items():
            patch.setenv(name, value)
        settings = Settings()
    async with Workspace.open(settings) as workspace:
        if not await workspace.datasets.names():
            await add_oled(workspace, settings.home / "oled")
        conversations = workspace.conversations
        yield Talk(workspace, await (conversations.get(conversation) if conversation else conversations.create("en")))


async def add_oled(workspace: Workspace, folder: Path) -> None:
    """Registered as if the engine had checked it: no turn here looks at a picture."""
    folder.mkdir(parents=True)
    row = DatasetRow(name="oled", path=str(folder), origin="registered", layout="folder", images=[])
    row.facts = stored_facts(
        path=str(folder),
        layout="folder",
        train_good=120,
        test_defective=14,
        defect_types={"scratch": 9, "stain": 5},
        masks=14,
    )
    row.stamp = folder_stamp(folder)
    async with workspace.database.session() as session:
        session.add(row)
