"""One conversation that is open in two processes: each sees what the other writes, and neither ends the other's answer."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from assistant.chat.conversation import Conversation
from assistant.chat.frame_refused import FrameRefused
from assistant.frames import AssistantItem, ErrorItem, ItemFrame, Say, TurnFrame, UserItem
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


async def test_an_open_page_sees_what_another_process_writes_and_that_it_works(
    conversation: Conversation, other: Conversation
) -> None:
    async with other.subscribe() as live:
        await conversation.transcript.show("answer", AssistantItem(text="All of it."))
        seen = [await anext(live), await anext(live)]
    assert [each.item for each in seen if isinstance(each, ItemFrame)] == [AssistantItem(text="All of it.")]
    assert [each.state for each in seen if isinstance(each, TurnFrame)] == ["working"]


def test_a_process_is_there_as_long_as_it_holds_its_mark(tmp_path: Path) -> None:
    mine, its = ProcessMark(tmp_path, "home"), ProcessMark(tmp_path, "home")
    assert mine.lives(its.name)
    assert mine.lives("another-home:abc")
    its.give_up()
    assert not mine.lives(its.name)


async def test_a_conversation_that_closes_waits_for_the_last_look_of_each_page_that_has_left(
    conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    looking, may_end = asyncio.Event(), asyncio.Event()
    looked: list[int] = []

    async def slow() -> str:
        looking.set()
        await may_end.wait()
        looked.append(1)
        return "nobody"

    monkeypatch.setattr("assistant.chat.watching.LOOK_S", 0)
    monkeypatch.setattr(conversation.answering, "who", slow)
    async with conversation.subscribe():
        await looking.wait()
    async with conversation.subscribe():  # another page, while the look of the first is under way
        pass
    closing = asyncio.create_task(conversation.close())
    await asyncio.sleep(0)
    may_end.set()
    await closing
    assert looked
