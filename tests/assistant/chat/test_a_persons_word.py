"""A person's word in a whole conversation: only a plain yes starts, every message is answered, and no stranger's run is meant."""

from pathlib import Path

import pytest

from assistant.chat.conversation import Conversation
from assistant.chat.frame_refused import FrameRefused
from assistant.frames import (
    Answer,
    Approve,
    AssistantItem,
    ConfirmItem,
    Decline,
    Edit,
    ErrorItem,
    InFrame,
    ProposalItem,
    Reopen,
    RunItem,
    ToolItem,
    TurnFrame,
    UserItem,
)
from assistant.offline.words import built_in_words
from assistant.plans.card import plan_key
from assistant.store.tables import DatasetRow
from assistant.tools import tool_names
from assistant.workspace import Workspace
from engine.contract.jobs import make_job
from prompts.languages import Language
from tests.talk import answers, plan_of, say

pytestmark = pytest.mark.anyio
PLAN = "train PatchCore on the OLED data"


async def started(workspace: Workspace) -> int:
    return len(await workspace.runs.list())


@pytest.mark.parametrize(
    "text", ["is it ok?", "ok?", "sure?", "네?", "응?", "그래?", "좋아요?", "可以吗？", "行不行", "okay, right?"]
)
async def test_a_question_starts_nothing_leaves_the_plan_open_and_is_answered(
    workspace: Workspace, conversation: Conversation, text: str
) -> None:
    await say(conversation, PLAN)
    items = await say(conversation, text)
    assert await started(workspace) == 0
    assert (await plan_of(conversation)).state == "open"
    assert "PatchCore" in answers(items)
    await say(conversation, "yes")  # the plan was spoken of last
    assert await started(workspace) == 1


@pytest.mark.parametrize(
    "text", ["hold on", "don't start yet", "wait", "잠깐만", "나중에 할게요", "等一下", "先别开始"]
)
async def test_a_wait_leaves_the_plan_open_with_a_way_back(
    workspace: Workspace, conversation: Conversation, text: str
) -> None:
    await say(conversation, PLAN)
    assert "PatchCore" in answers(await say(conversation, text))
    assert ((await plan_of(conversation)).state, await started(workspace)) == ("open", 0)
    await say(conversation, "yes")
    assert await started(workspace) == 1


async def test_a_page_hears_that_a_word_answered_without_the_agent_is_answered(conversation: Conversation) -> None:
    await say(conversation, PLAN)
    async with conversation.subscribe() as frames:
        await say(conversation, "wait")
        heard = [await anext(frames) for _ in range(4)]  # what was said, the answer, the plan once more, the end
    assert heard[-1] == TurnFrame(state="idle")


async def test_no_problem_go_ahead_goes_ahead(workspace: Workspace, conversation: Conversation) -> None:
    await say(conversation, PLAN)
    await say(conversation, "아니 괜찮아 진행해")
    assert await started(workspace) == 1


@pytest.mark.parametrize("text", ["no", "아니요", "算了"])
async def test_a_clear_no_declines_and_a_yes_after_it_only_opens_the_plan_again(
    workspace: Workspace, conversation: Conversation, text: str
) -> None:
    await say(conversation, PLAN)
    await say(conversation, text)
    assert (await plan_of(conversation)).state == "declined"
    await say(conversation, "yes")
    assert ((await plan_of(conversation)).state, await started(workspace)) == ("open", 0)
    await say(conversation, "yes")
    assert await started(workspace) == 1


@pytest.mark.parametrize(
    "text",
    ["what happens when I approve?", "can I start it later?", "승인하면 어떻게 돼?", "批准后会怎样？", "let us start the training then", "qwertz", "👍"],
)  # fmt: skip
async def test_every_message_gets_an_answer_while_a_plan_is_open(
    workspace: Workspace, conversation: Conversation, text: str
) -> None:
    await say(conversation, PLAN)
    assert answers(await say(conversation, text))
    assert ((await plan_of(conversation)).state, await started(workspace)) == ("open", 0)


@pytest.mark.parametrize("text", ["ok start the training now", "그래 학습 시작해줘 이제", "行，开始训练这个"])
async def test_a_plan_that_a_sentence_opens_again_is_told_of(
    workspace: Workspace, conversation: Conversation, text: str
) -> None:
    await say(conversation, PLAN)
    await say(conversation, "no")
    await say(conversation, "what data do I have?")
    items = await say(conversation, text)
    assert answers(items)
    assert await started(workspace) == 0


async def test_a_declined_and_a_replaced_plan_are_reopened_by_their_button(
    workspace: Workspace, conversation: Conversation
) -> None:
    await say(conversation, PLAN)
    first = await plan_of(conversation)
    await say(conversation, "train PaDiM on oled")
    second = await plan_of(conversation)
    await conversation.receive(Reopen(proposal=first.proposal), "en")
    states = {item.proposal: item.state for _, _, item in await conversation.items() if isinstance(item, ProposalItem)}
    assert states == {first.proposal: "open", second.proposal: "superseded"}
    await conversation.receive(Decline(proposal=first.proposal), "en")
    await conversation.finish()
    await conversation.receive(Reopen(proposal=first.proposal), "en")
    await say(conversation, "yes")
    assert [(run.subject, run.state) for run in await workspace.runs.list()] == [("patchcore", "queued")]
    with pytest.raises(FrameRefused):  # what has started is not reopened
        await conversation.receive(Reopen(proposal=first.proposal), "en")


async def test_a_plan_is_reopened_with_the_data_as_it_is_now(workspace: Workspace, conversation: Conversation) -> None:
    await say(conversation, PLAN)
    await say(conversation, "no")
    async with workspace.database.session() as session:
        row = await session.get(DatasetRow, "oled")
        assert row is not None
        row.facts = row.facts.model_copy(update={"train_good": 31})
    await conversation.receive(Reopen(proposal=(await plan_of(conversation)).proposal), "en")
    assert (await plan_of(conversation)).dataset_facts.train_good == 31
    Path((await workspace.datasets.get("oled")).path).rmdir()
    await say(conversation, "no")
    await conversation.receive(Reopen(proposal=(await plan_of(conversation)).proposal), "en")
    assert isinstance((await conversation.items())[-1][2], ErrorItem)
    assert (await plan_of(conversation)).state == "declined"


async def test_with_a_plan_and_a_stop_question_open_a_yes_does_neither(
    workspace: Workspace, conversation: Conversation
) -> None:
    await say(conversation, PLAN)
    await say(conversation, "yes")
    await say(conversation, "train PaDiM on oled")
    await say(conversation, "stop r1")
    asked = answers(await say(conversation, "yes"))
    assert "PaDiM" in asked
    assert "r1" in asked
    assert [(run.id, run.state) for run in await workspace.runs.list()] == [("r1", "queued")]
    await say(conversation, "approve")
    assert [run.subject for run in await workspace.runs.list()] == ["padim", "patchcore"]
    assert (await workspace.runs.get("r1")).state == "queued"


# ---- no stranger's run ----


@pytest.fixture
async def strangers_run(workspace: Workspace) -> str:
    """A run of another conversation, under way."""
    other = await workspace.conversations.create("en")
    run = await workspace.runs.add(make_job("detect", "oled", "patchcore"), data_path="/data", conversation=other.id)
    return run.id


@pytest.mark.parametrize("text", ["how good is it?", "stop it", "how far is the training?", "show the missed defects", "결과 요약해줘", "学习进度怎么样", "停止训练"])  # fmt: skip
async def test_a_conversation_that_trained_nothing_means_no_strangers_run(
    workspace: Workspace, conversation: Conversation, strangers_run: str, text: str
) -> None:
    items = await say(conversation, text)
    assert not any(isinstance(item, ConfirmItem) for item in items)
    assert all(item.state == "asks" for item in items if isinstance(item, ToolItem))
    assert answers(items)
    assert (await workspace.runs.get(strangers_run)).stop_requested is False


async def test_a_stranger_that_is_named_is_meant_and_from_then_on_without_its_name(
    conversation: Conversation, strangers_run: str
) -> None:
    assert strangers_run in answers(await say(conversation, f"how far is {strangers_run}?"))
    question = next(item for item in await say(conversation, "stop it") if isinstance(item, ConfirmItem))
    assert question.values["run"] == strangers_run


async def test_the_run_spoken_of_last_is_meant_and_named_and_one_under_way_first_where_it_is_stopped(
    workspace: Workspace, conversation: Conversation
) -> None:
    await say(conversation, PLAN)
    await say(conversation, "yes")
    other = await workspace.runs.add(make_job("detect", "oled", "padim"), data_path="/data")
    await workspace.runs.claim_one(other.id)
    await workspace.runs.end(other.id, "failed", reason="out of memory", hint="use smaller images")
    await say(conversation, f"how far is {other.id}?")
    assert other.id in answers(await say(conversation, "summarize the results"))
    question = next(item for item in await say(conversation, "stop it") if isinstance(item, ConfirmItem))
    assert question.values["run"] == "r1"


# ---- another conversation's plan ----


@pytest.fixture
async def strangers_plan(
    workspace: Workspace, conversation: Conversation, monkeypatch: pytest.MonkeyPatch
) -> ProposalItem:
    monkeypatch.setattr(
        "assistant.plans.proposals.secrets.randbelow", lambda below: 23292528
    )  # an id that begins with 0
    other = await workspace.conversations.create("en")
    await say(other, PLAN)
    return await plan_of(other)


@pytest.mark.parametrize("frame", [lambda plan: Approve(proposal=plan, revision=1), lambda plan: Decline(proposal=plan), lambda plan: Edit(proposal=plan, revision=1, changes={"image_size": 128}), lambda plan: Reopen(proposal=plan)])  # fmt: skip
async def test_another_conversations_plan_is_out_of_reach(
    workspace: Workspace, conversation: Conversation, strangers_plan: ProposalItem, frame: object
) -> None:
    built: InFrame = frame(strangers_plan.proposal)  # type: ignore[operator]
    with pytest.raises(FrameRefused) as refused:
        await conversation.receive(built, "en")
    assert refused.value.code == "unknown_plan"
    row = await workspace.proposals.get(strangers_plan.proposal)
    assert row is not None
    assert (row.state, row.revision, await started(workspace)) == ("open", 1, 0)


async def test_start_training_takes_no_plan_of_another_conversation(
    workspace: Workspace, conversation: Conversation, strangers_plan: ProposalItem
) -> None:
    assert strangers_plan.proposal == "p023292528"
    items = await say(conversation, f"start {strangers_plan.proposal}")
    assert [item.state for item in items if isinstance(item, ToolItem)] == ["asks"]
    await say(conversation, "yes")
    assert await started(workspace) == 0


# ---- nothing is lost on the way ----


async def test_a_plan_approved_while_another_message_comes_in_stays_approved(
    workspace: Workspace, conversation: Conversation
) -> None:
    await say(conversation, PLAN)
    plan = await plan_of(conversation)
    await workspace.proposals.approve(plan.proposal, 1)  # by the card of another page, whose run is about to be queued
    await say(conversation, "what data do I have?")
    assert (await started(workspace), (await plan_of(conversation)).state) == (1, "approved")


@pytest.mark.parametrize("cut", ["before the run's card", "before the plan's card"])
async def test_a_run_whose_card_was_cut_off_has_it_after_a_restart(
    workspace: Workspace, conversation: Conversation, cut: str
) -> None:
    await say(conversation, PLAN)
    plan = await plan_of(conversation)
    row = await workspace.proposals.approve(plan.proposal, 1)
    run = await workspace.runs.add(
        make_job("detect", "oled", "patchcore"),
        data_path="/data",
        conversation=conversation.id,
        key=f"{conversation.id}/{row.id}",
    )
    await workspace.proposals.note_run(row.id, run.id)
    if cut == "before the run's card":
        await conversation.transcript.update(plan_key(row.id), state="approved", run=run.id)
    async with Workspace.open(workspace.settings) as again:
        reopened = await again.conversations.get(conversation.id)
        shown = await plan_of(reopened)
        assert (shown.state, shown.run) == ("approved", run.id)
        assert [item.run for _, _, item in await reopened.items() if isinstance(item, RunItem)] == [run.id]


async def test_a_message_that_a_kill_left_unanswered_is_answered_after_the_restart(
    workspace: Workspace, conversation: Conversation
) -> None:
    await conversation.transcript.show("user-k", UserItem(text="what data do I have?"))
    async with Workspace.open(workspace.settings) as again:
        last = (await (await again.conversations.get(conversation.id)).items())[-1][2]
        assert isinstance(last, ErrorItem)
        assert (last.code, last.retry) == ("interrupted", True)


async def test_the_end_of_a_run_is_told_once_however_often_it_is_heard(
    workspace: Workspace, conversation: Conversation
) -> None:
    await say(conversation, PLAN)
    await say(conversation, "yes")
    await workspace.runs.claim_one("r1")
    ended = await workspace.runs.end("r1", "failed", reason="out of memory", hint="use smaller images")
    assert ended is not None
    await conversation.tell_end_of(ended)
    told = await conversation.items()
    await conversation.tell_end_of(ended)
    assert await conversation.items() == told


# ---- words for people ----


@pytest.mark.parametrize(("text", "language"), [("start the first plan", "en"), ("계획 시작해줘", "ko"), ("启动方案", "zh"), ("train PaDiM", "en"), ("파딤 학습해줘", "ko"), ("stop r1", "en"), ("r99 멈춰", "ko"), ("停止训练", "zh"), ("显示漏检", "zh")])  # fmt: skip
async def test_what_cannot_be_done_is_asked_back_in_words_for_people(
    workspace: Workspace, conversation: Conversation, text: str, language: Language
) -> None:
    async with workspace.database.session() as session:  # two data sets, so that one must be named
        row = await session.get(DatasetRow, "oled")
        assert row is not None
        twin = {"path": row.path, "layout": row.layout, "origin": row.origin, "facts": row.facts, "stamp": row.stamp}
        session.add(DatasetRow(name="tiles", images=[], **twin))
    items = await say(conversation, text, language)
    assert [item.state for item in items if isinstance(item, ToolItem)] == ["asks"]
    shown = answers(items) + "".join(item.error or "" for item in items if isinstance(item, ToolItem))
    assert not any(name in shown for name in tool_names())
    assert answers(items)


@pytest.mark.parametrize("language", ["en", "ko", "zh"])
def test_what_is_said_to_an_llm_about_its_call_has_words_for_people(language: Language) -> None:
    said = built_in_words("call_failed", language, {})
    assert said
    assert not any(name in said for name in tool_names())


async def test_an_answer_to_a_question_that_nobody_asks_is_refused(conversation: Conversation) -> None:
    with pytest.raises(FrameRefused):
        await conversation.receive(Answer(call="made up", yes=True), "en")
    assert [item for _, _, item in await conversation.items() if isinstance(item, AssistantItem)] == []
