"""Several requests in one message are carried out one after the other, and nothing that was heard is dropped in silence."""

import pytest

from assistant.chat.conversation import Conversation
from assistant.frames import AssistantItem, ConfirmItem, ProposalItem, ToolItem
from assistant.workspace import Workspace
from engine.contract.jobs import make_job
from tests.talk import answers, plan_of, say

pytestmark = pytest.mark.anyio


async def test_what_needs_a_yes_comes_last(conversation: Conversation) -> None:
    items = await say(conversation, "train PatchCore on the OLED data. which models are there?")
    tools = [item.tool for item in items if isinstance(item, ToolItem)]
    assert tools == ["list_models", "inspect_dataset", "propose_training"]
    assert (await plan_of(conversation)).state == "open"


async def test_what_was_asked_is_told_before_what_waits_for_a_yes(
    conversation: Conversation, workspace: Workspace
) -> None:
    for _ in range(2):
        job = make_job("detect", "oled", "padim")
        await workspace.runs.add(job, data_path="/data", conversation=conversation.id)
    items = await say(conversation, "how far is r1 and then stop r2")
    kinds = [type(item) for item in items if isinstance(item, AssistantItem | ConfirmItem)]
    assert kinds == [AssistantItem, ConfirmItem]
    assert "r1" in answers(items)


async def test_what_was_heard_and_not_used_is_told(conversation: Conversation) -> None:
    assert "oled" in answers(await say(conversation, "how far is r3 on oled?"))


async def test_nothing_is_done_where_it_is_asked_back(conversation: Conversation) -> None:
    items = await say(conversation, "train PatchCore on the tablet_covers data")
    assert "tablet_covers" in answers(items)
    assert not any(isinstance(item, ProposalItem | ToolItem) for item in items)
