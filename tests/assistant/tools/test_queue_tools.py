"""The queue in the conversation: it is paused and goes on, and a run that waits is put before the others. Nothing runs here."""

import pytest

from assistant.chat.conversation import Conversation
from assistant.workspace import Workspace
from engine.contract.jobs import make_job
from prompts.languages import Language
from tests.talk import answers, say

pytestmark = pytest.mark.anyio


async def conversation_with(workspace: Workspace, *, waiting: int) -> Conversation:
    await workspace.runs.pause()
    for _ in range(waiting):
        await workspace.runs.add(make_job("detect", "oled", "patchcore", {}), data_path="/data")
    return await workspace.conversations.create("en")


@pytest.mark.parametrize(
    ("pause", "resume", "language"),
    [
        ("pause the queue until tomorrow", "the queue may go on", "en"),
        ("대기열 좀 세워줘", "대기열 다시 풀어줘", "ko"),
        ("队列先暂停吧", "把队列恢复了吧", "zh"),
    ],
)
async def test_the_queue_is_paused_and_goes_on(
    workspace: Workspace, pause: str, resume: str, language: Language
) -> None:
    conversation = await workspace.conversations.create(language)
    await say(conversation, pause, language)
    assert await workspace.runs.paused_since() is not None
    await say(conversation, resume, language)
    assert await workspace.runs.paused_since() is None


async def test_pausing_tells_what_waits_and_that_it_was_paused_before(workspace: Workspace) -> None:
    conversation = await conversation_with(workspace, waiting=2)
    said = answers(await say(conversation, "pause the queue"))
    assert "was paused already" in said and "waiting: 2" in said


@pytest.mark.parametrize(
    ("text", "language"), [("r3 before the others please", "en"), ("r3 먼저 돌려줘요", "ko"), ("让r3插队吧", "zh")]
)
async def test_a_run_that_waits_is_put_first(workspace: Workspace, text: str, language: Language) -> None:
    conversation = await conversation_with(workspace, waiting=3)
    said = answers(await say(conversation, text, language))
    assert [row.id for row in await workspace.runs.waiting()] == ["r3", "r1", "r2"]
    assert "r3" in said


async def test_a_run_that_is_put_first_while_the_queue_is_paused_is_not_told_to_start(workspace: Workspace) -> None:
    conversation = await conversation_with(workspace, waiting=2)
    assert "starts after *resume the queue*" in answers(await say(conversation, "r2 first"))


async def test_a_run_that_has_ended_is_not_put_first(workspace: Workspace) -> None:
    conversation = await conversation_with(workspace, waiting=2)
    await workspace.runs.stop("r2")
    assert "does not wait any more" in answers(await say(conversation, "put r2 first"))
    assert [row.id for row in await workspace.runs.waiting()] == ["r1"]


@pytest.mark.parametrize(
    ("asked", "yes", "language", "told"),
    [
        ("train padim on oled", "yes", "en", "*resume the queue*"),
        ("oled 데이터로 padim 학습해 줘", "네", "ko", "*대기열 재개해*"),
        ("用 oled 训练 padim", "好的", "zh", "*恢复队列*"),
    ],
)
async def test_a_plan_that_is_approved_while_the_queue_is_paused_is_not_told_to_have_started(
    workspace: Workspace, conversation: Conversation, asked: str, yes: str, language: Language, told: str
) -> None:
    await workspace.runs.pause()
    await say(conversation, asked, language)
    said = answers(await say(conversation, yes, language))
    assert [row.id for row in await workspace.runs.waiting()] == ["r1"]
    assert "r1" in said and told in said
