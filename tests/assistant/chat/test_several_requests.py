"""Several requests in one message are carried out one after the other, and nothing that was heard is dropped in silence."""

import pytest

from assistant.chat.conversation import Conversation
from assistant.frames import ProposalItem, ToolItem
from tests.talk import answers, plan_of, say

pytestmark = pytest.mark.anyio


async def test_what_needs_a_yes_comes_last(conversation: Conversation) -> None:
    items = await say(conversation, "train PatchCore on the OLED data. which models are there?")
    tools = [item.tool for item in items if isinstance(item, ToolItem)]
    assert tools == ["list_models", "inspect_dataset", "propose_training"]
    assert (await plan_of(conversation)).state == "open"


async def test_what_was_heard_and_not_used_is_told(conversation: Conversation) -> None:
    assert "oled" in answers(await say(conversation, "how far is r3 on oled?"))


async def test_nothing_is_done_where_it_is_asked_back(conversation: Conversation) -> None:
    items = await say(conversation, "train PatchCore on the tablet_covers data")
    assert "tablet_covers" in answers(items)
    assert not any(isinstance(item, ProposalItem | ToolItem) for item in items)
