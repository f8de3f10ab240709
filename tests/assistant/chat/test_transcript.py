"""What open pages are told of a conversation."""

import pytest

from assistant.chat.transcript import Transcript
from assistant.frames import AssistantItem, DeltaFrame, ToolItem, UserItem
from assistant.settings import Settings
from assistant.store.tables import ItemRow
from assistant.workspace import Workspace

pytestmark = pytest.mark.anyio


@pytest.fixture
async def transcript(workspace: Workspace) -> Transcript:
    return (await workspace.conversations.create("en")).transcript


async def test_text_that_was_written_before_a_page_looked_is_not_told_twice(transcript: Transcript) -> None:
    await transcript.show("answer", AssistantItem(text="One", state="streaming"))
    async with transcript.subscribe() as live:
        transcript.add_text("answer", " two")
        ((_, _, replayed),) = await transcript.items()
        assert isinstance(replayed, AssistantItem)
        assert replayed.text == "One two"
        assert await anext(live) == DeltaFrame(key="answer", text="One two")


async def test_of_growing_text_only_the_newest_waits_and_the_order_is_kept(transcript: Transcript) -> None:
    await transcript.show("answer", AssistantItem(text="One", state="streaming"))
    async with transcript.subscribe() as live:
        for word in (" two", " three"):
            transcript.add_text("answer", word)
        await transcript.show("user", UserItem(text="and?"))
        transcript.add_text("answer", " four")
        told = [await anext(live) for _ in range(3)]
    assert [frame.type for frame in told] == ["delta", "item", "delta"]
    assert [frame.text for frame in told if isinstance(frame, DeltaFrame)] == ["One two three", "One two three four"]


async def test_a_page_that_reads_too_slowly_is_cut_off(transcript: Transcript, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant.chat.transcript.MOST_WAITING_FRAMES", 2)
    async with transcript.subscribe() as slow:
        for _ in range(3):
            transcript.tell_turn(working=True)
        assert [frame async for frame in slow] == []


async def test_an_item_of_an_earlier_version_is_still_read(transcript: Transcript, workspace: Workspace) -> None:
    await transcript.show("old", UserItem(text="hello"))
    async with workspace.database.session() as session:
        row = await session.get_one(ItemRow, (transcript.conversation, "old"))
        row.body = {**row.body, "asks": True}
    assert await transcript.get("old") == UserItem(text="hello")


async def test_after_a_restart_nothing_is_being_written_or_worked_on_any_more(
    transcript: Transcript, settings: Settings
) -> None:
    await transcript.show("tool", ToolItem(tool="list_runs", arguments={}))
    await transcript.show("done", AssistantItem(text="All of it."))
    await transcript.show("answer", AssistantItem(text="Half of", state="streaming"))
    async with Workspace.open(settings) as restarted:
        opened = await restarted.conversations.get(transcript.conversation)
        items = [item for _, _, item in await opened.items()]
    states = [item.state for item in items if isinstance(item, ToolItem | AssistantItem)]
    assert states == ["failed", "done", "stopped"]
    assert items[-1] == AssistantItem(text="Half of", state="stopped")
