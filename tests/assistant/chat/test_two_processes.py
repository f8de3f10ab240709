"""One conversation that is open in two processes: neither ends the other's answer."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from assistant.chat.conversation import Conversation
from assistant.chat.frame_refused import FrameRefused
from assistant.frames import AssistantItem, ErrorItem, Say, UserItem
from assistant.machine.process_mark import ProcessMark
from assistant.settings import Settings
from assistant.workspace import Workspace
from tests.talk import answers, say

pytestmark = pytest.mark.anyio


@pytest.fixture
async def other(settings: Settings, conversation: Conversation) -> AsyncIterator[Conversation]:
    """The same conversation as another process has it, which opens it in the middle of an answer of the first."""
    await conversation.answering.claim()
    await conversation.transcript.show("user", UserItem(text="how far is r1?"))
    await conversation.transcript.show("answer", AssistantItem(text="Half of", state="streaming"))
    async with Workspace.open(settings) as workspace:
        yield await workspace.conversations.get(conversation.id)


async def test_who_opens_a_conversation_in_the_middle_of_an_answer_does_not_end_it(other: Conversation) -> None:
    items = [item for _, _, item in await other.items()]
    assert items[-1] == AssistantItem(text="Half of", state="streaming")
    assert not any(isinstance(item, ErrorItem) for item in items)


async def test_two_processes_do_not_answer_at_the_same_time(
    conversation: Conversation, other: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant.chat.answering.PATIENCE_S", 0)
    with pytest.raises(FrameRefused, match="elsewhere"):
        await other.receive(Say(text="hello"), "en")
    await conversation.answering.release()
    assert answers(await say(other, "hello"))
    assert await conversation.answering.who() == "nobody"


async def test_what_a_process_left_in_the_middle_is_ended_by_the_next_who_has_something_to_do(
    settings: Settings, conversation: Conversation
) -> None:
    async with Workspace.open(settings) as gone:
        left = await gone.conversations.get(conversation.id)
        await left.answering.claim()
        await left.transcript.show("answer", AssistantItem(text="Half of", state="streaming"))
    assert await conversation.answering.who() == "gone"
    await say(conversation, "hello")
    assert await conversation.transcript.get("answer") == AssistantItem(text="Half of", state="stopped")


async def test_a_yes_starts_no_plan_that_another_process_has_changed_unseen(
    settings: Settings, workspace: Workspace, conversation: Conversation
) -> None:
    await say(conversation, "train PaDiM on oled")
    async with conversation.subscribe() as page, Workspace.open(settings) as elsewhere:
        await say(await elsewhere.conversations.get(conversation.id), "image size 512")
        await conversation.receive(Say(text="yes"), "en")
        assert await workspace.runs.list() == []
        seen = [await anext(page) for _ in range(4)]
        assert any("512" in frame.model_dump_json() for frame in seen)
        await conversation.receive(Say(text="yes"), "en")
    assert len(await workspace.runs.list()) == 1


def test_a_process_is_there_as_long_as_it_holds_its_mark(tmp_path: Path) -> None:
    mine, its = ProcessMark(tmp_path, "home"), ProcessMark(tmp_path, "home")
    assert mine.lives(its.name)
    assert mine.lives("another-home:abc")
    its.give_up()
    assert not mine.lives(its.name)
