"""Conversations with the built-in assistant: from a sentence to a plan, a yes, and what is told at the end. No engine is needed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
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
    ItemFrame,
    OutFrame,
    ProposalItem,
    RunItem,
    Say,
    ToolItem,
    TurnFrame,
)
from assistant.store.tables import DatasetRow
from assistant.workspace import Workspace
from engine.contract.events import EventLog, Failed, Started
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from prompts.languages import Language
from tests.stored_runs import card, write_model
from tests.talk import answers, plan_of, say

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("train PatchCore on the OLED data", "approve"),
        ("OLED 데이터로 패치코어 학습해줘", "승인"),
        ("用 OLED 数据训练 PatchCore", "批准"),
    ],
)
async def test_a_sentence_becomes_a_plan_in_the_language_it_was_said_in(
    conversation: Conversation, text: str, word: str
) -> None:
    items = await say(conversation, text)
    plan = await plan_of(conversation)
    assert (plan.dataset, plan.model, plan.state) == ("oled", "patchcore", "open")
    assert [item.tool for item in items if isinstance(item, ToolItem)] == ["inspect_dataset", "propose_training"]
    assert word in answers(items)


@pytest.mark.parametrize("text", ["train PaDiM with batch size 4", "배치 크기 4로 파딤 학습해줘", "用批大小4训练PaDiM"])
async def test_the_answer_to_which_data_set_keeps_what_was_asked(
    workspace: Workspace, conversation: Conversation, text: str
) -> None:
    async with workspace.database.session() as session:
        row = await session.get(DatasetRow, "oled")
        assert row is not None
        twin = {"path": row.path, "layout": row.layout, "origin": row.origin, "facts": row.facts, "stamp": row.stamp}
        session.add(DatasetRow(name="tiles", images=[], **twin))
    await say(conversation, text)
    await say(conversation, "tiles")
    plan = await plan_of(conversation)
    chosen = {setting.name: setting.value for setting in plan.settings}
    assert (plan.dataset, plan.model, chosen["batch_size"]) == ("tiles", "padim", 4)


async def test_nothing_starts_before_the_yes_and_one_run_starts_after_it(
    workspace: Workspace, conversation: Conversation
) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    assert await workspace.runs.list() == []
    plan = await plan_of(conversation)
    await conversation.receive(Approve(proposal=plan.proposal, revision=plan.revision), "en")
    await conversation.finish()
    assert [run.id for run in await workspace.runs.list()] == ["r1"]
    assert (await plan_of(conversation)).state == "approved"
    assert [item.run for _, _, item in await conversation.items() if isinstance(item, RunItem)] == ["r1"]


async def test_a_yes_starts_the_run_once_and_says_so(conversation: Conversation) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    async with conversation.subscribe() as frames:
        items = await say(conversation, "yes")
        shown = [frame async for frame in until_idle(frames)]
    assert sum(isinstance(frame, ItemFrame) and isinstance(frame.item, RunItem) for frame in shown) == 1
    assert "Started" in answers(items)


async def until_idle(frames: AsyncIterator[OutFrame]) -> AsyncIterator[OutFrame]:
    async for frame in frames:
        yield frame
        if frame == TurnFrame(state="idle"):
            return


@pytest.mark.parametrize(("yes", "language"), [("yes", "en"), ("네", "ko"), ("好的", "zh")])
async def test_a_typed_yes_is_a_yes(
    workspace: Workspace, conversation: Conversation, yes: str, language: Language
) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    await say(conversation, yes, language)
    assert [run.state for run in await workspace.runs.list()] == ["queued"]


@pytest.mark.parametrize(
    ("text", "language", "said"),
    [
        ("summarize the results", "en", "no results yet"),
        ("결과 요약해줘", "ko", "아직 결과가"),
        ("总结结果", "zh", "还没有结果"),
    ],
)
async def test_the_summary_of_an_unfinished_run_is_no_failure(
    conversation: Conversation, text: str, language: Language, said: str
) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    await say(conversation, "yes")
    items = await say(conversation, text, language)
    assert [(each.tool, each.state) for each in items if isinstance(each, ToolItem)] == [("summarize_results", "done")]
    assert said in answers(items)
    assert "None" not in answers(items)


@pytest.mark.parametrize(
    "text", ["train PatchCore and PaDiM on oled", "패치코어랑 파딤으로 oled 학습해줘", "用PatchCore和PaDiM训练oled"]
)
async def test_two_models_are_planned_as_one_group(conversation: Conversation, text: str) -> None:
    await say(conversation, text)
    group = (await plan_of(conversation)).group
    assert group is not None
    assert [trial.differs["model"] for trial in group.trials] == ["patchcore", "padim"]


@pytest.mark.parametrize(
    ("text", "said", "known"),
    [
        ("train TransAD on oled", "unknown model 'TransAD'", "dinomaly"),
        ("심플넷으로 oled 학습해줘", "모델은 없습니다", "supersimplenet"),
        ("用TransAD训练oled", "没有", "dinomaly"),
    ],
)
async def test_an_unknown_model_is_refused_and_not_replaced(
    conversation: Conversation, text: str, said: str, known: str
) -> None:
    items = await say(conversation, text)
    assert not any(isinstance(item, ProposalItem) for item in items)
    assert said in answers(items)
    assert known in answers(items)


async def test_advice_follows_the_number_of_good_images_that_was_said(conversation: Conversation) -> None:
    assert "PaDiM" not in answers(await say(conversation, "Which model should I use?")).split("\n")[0]
    few = answers(await say(conversation, "Which model should I use with 30 good images?"))
    assert few.startswith("With 30 good images")


async def test_an_adapted_backbone_that_no_run_has_is_said_to_be_missing(conversation: Conversation) -> None:
    items = await say(conversation, "train PatchCore with the backbone of the last CutPaste run")
    assert "train CutPaste first" in answers(items)


async def test_a_yes_given_while_the_plan_is_still_being_introduced_counts(
    workspace: Workspace, conversation: Conversation
) -> None:
    await conversation.receive(Say(text="train patchcore on oled"), "en")
    async with conversation.subscribe() as frames:
        async for frame in frames:
            if isinstance(frame, ItemFrame) and isinstance(frame.item, ProposalItem):
                break
    assert conversation.working
    plan = await plan_of(conversation)
    await conversation.receive(Approve(proposal=plan.proposal, revision=plan.revision), "en")
    await conversation.finish()
    assert len(await workspace.runs.list()) == 1


async def test_two_tabs_that_approve_start_one_run(workspace: Workspace, conversation: Conversation) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    plan = await plan_of(conversation)
    frame = Approve(proposal=plan.proposal, revision=plan.revision)
    outcomes = await asyncio.gather(*(conversation.receive(frame, "en") for _ in range(3)), return_exceptions=True)
    await conversation.finish()
    assert sum(isinstance(outcome, FrameRefused) for outcome in outcomes) == 2
    assert len(await workspace.runs.list()) == 1


async def test_a_declined_plan_cannot_be_approved(workspace: Workspace, conversation: Conversation) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    plan = await plan_of(conversation)
    await conversation.receive(Decline(proposal=plan.proposal, reason="too slow"), "en")
    await conversation.finish()
    with pytest.raises(FrameRefused) as refused:
        await conversation.receive(Approve(proposal=plan.proposal, revision=plan.revision), "en")
    assert refused.value.code == "stale"
    assert await workspace.runs.list() == []


async def test_an_edit_changes_the_plan_and_an_old_approval_no_longer_counts(
    workspace: Workspace, conversation: Conversation
) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    plan = await plan_of(conversation)
    await conversation.receive(Edit(proposal=plan.proposal, revision=1, changes={"image_size": 128}), "en")
    with pytest.raises(FrameRefused):
        await conversation.receive(Approve(proposal=plan.proposal, revision=1), "en")
    changed = await plan_of(conversation)
    assert changed.revision == 2
    assert {setting.name: setting.value for setting in changed.settings}["image_size"] == 128
    await conversation.receive(Approve(proposal=plan.proposal, revision=2), "en")
    await conversation.finish()
    assert RunFolder(workspace.runs.folder("r1")).read_job().image_size == 128


async def test_a_refused_edit_says_why_at_its_field_and_keeps_what_was_typed(conversation: Conversation) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    plan = await plan_of(conversation)
    await conversation.receive(
        Edit(proposal=plan.proposal, revision=1, changes={"image_size": 100, "overkill_rate": 0.01}), "en"
    )
    refused = {setting.name: setting for setting in (await plan_of(conversation)).settings}
    assert (await plan_of(conversation)).revision == 1
    assert "multiple of 32" in (refused["image_size"].problem or "")
    assert refused["image_size"].value == 100


async def test_a_data_set_that_is_gone_stops_the_edit_and_the_start_and_the_plan_stays_open(
    workspace: Workspace, conversation: Conversation
) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    plan = await plan_of(conversation)
    Path((await workspace.datasets.get("oled")).path).rmdir()
    await conversation.receive(Edit(proposal=plan.proposal, revision=1, changes={"image_size": 128}), "en")
    assert "is gone" in ((await plan_of(conversation)).problem or "")
    await conversation.receive(Approve(proposal=plan.proposal, revision=1), "en")
    last = (await conversation.items())[-1][2]
    assert isinstance(last, ErrorItem)
    assert last.code == "dataset_gone"
    assert (await plan_of(conversation)).state == "open"
    assert await workspace.runs.list() == []


async def test_data_that_changed_since_the_plan_is_shown_again_before_it_is_trained_on(
    workspace: Workspace, conversation: Conversation
) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    plan = await plan_of(conversation)
    async with workspace.database.session() as session:
        row = await session.get(DatasetRow, "oled")
        assert row is not None
        row.facts = row.facts.model_copy(update={"train_good": 30, "fingerprint": "other"})
    with pytest.raises(FrameRefused) as refused:
        await conversation.receive(Approve(proposal=plan.proposal, revision=1), "en")
    assert refused.value.code == "data_changed"
    assert (await plan_of(conversation)).dataset_facts.train_good == 30
    assert await workspace.runs.list() == []
    await conversation.receive(Approve(proposal=plan.proposal, revision=2), "en")
    assert len(await workspace.runs.list()) == 1


async def test_a_start_that_was_cut_off_after_the_yes_is_finished_by_the_next_yes(
    workspace: Workspace, conversation: Conversation
) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    plan = await plan_of(conversation)
    await workspace.proposals.approve(plan.proposal, 1)  # and then the server was killed
    await conversation.receive(Approve(proposal=plan.proposal, revision=1), "en")
    assert (await plan_of(conversation)).run == "r1"
    assert len(await workspace.runs.list()) == 1


async def test_a_run_folder_that_cannot_be_written_leaves_the_plan_open(
    workspace: Workspace, conversation: Conversation
) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    plan = await plan_of(conversation)
    workspace.settings.runs_folder.write_text("a file stands where the folder should be")
    await conversation.receive(Approve(proposal=plan.proposal, revision=1), "en")
    last = (await conversation.items())[-1][2]
    assert isinstance(last, ErrorItem)
    assert last.code == "not_started"
    row = await workspace.proposals.get(plan.proposal)
    assert row is not None
    assert row.state == "open"


async def test_a_plan_is_changed_by_words(conversation: Conversation) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    await say(conversation, "make it 512 px")
    plan = await plan_of(conversation)
    assert plan.revision == 2
    assert {setting.name: setting.value for setting in plan.settings}["image_size"] == 512


async def test_another_plan_takes_the_place_of_the_open_one(conversation: Conversation) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    first = await plan_of(conversation)
    await say(conversation, "train PaDiM on oled")
    states = [(item.model, item.state) for _, _, item in await conversation.items() if isinstance(item, ProposalItem)]
    assert states == [("patchcore", "superseded"), ("padim", "open")]
    with pytest.raises(FrameRefused):
        await conversation.receive(Approve(proposal=first.proposal, revision=first.revision), "en")


async def test_an_unknown_data_set_is_answered_with_the_nearest(conversation: Conversation) -> None:
    assert "Which one do you mean: oled?" in answers(await say(conversation, "train PatchCore on oleds_v2"))


async def test_a_stop_is_asked_for_first(workspace: Workspace, conversation: Conversation) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    await say(conversation, "yes")
    question = next(item for item in await say(conversation, "stop the training") if isinstance(item, ConfirmItem))
    assert (await workspace.runs.get("r1")).state == "queued"
    await conversation.receive(Answer(call=question.call, yes=True), "en")
    await conversation.finish()
    assert (await workspace.runs.get("r1")).state == "stopped"
    with pytest.raises(FrameRefused):
        await conversation.receive(Answer(call=question.call, yes=True), "en")


async def test_a_no_to_a_stop_lets_the_run_go_on(workspace: Workspace, conversation: Conversation) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    await say(conversation, "yes")
    await say(conversation, "stop the training")
    assert "goes on" in answers(await say(conversation, "no"))
    assert (await workspace.runs.get("r1")).state == "queued"


async def test_a_question_that_is_passed_over_is_closed(workspace: Workspace, conversation: Conversation) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    await say(conversation, "yes")
    await say(conversation, "stop the training")
    await say(conversation, "what data do I have?")
    states = [item.state for _, _, item in await conversation.items() if isinstance(item, ConfirmItem)]
    assert states == ["passed"]
    assert (await workspace.runs.get("r1")).state == "queued"


async def test_the_same_message_sent_twice_is_said_once(conversation: Conversation) -> None:
    for _ in range(2):
        await conversation.receive(Say(text="what data do I have?", key="k1"), "en")
        await conversation.finish()
    assert sum(key == "user-k1" for key, _, _ in await conversation.items()) == 1


async def test_every_open_page_hears_the_same_and_revisions_grow(conversation: Conversation) -> None:
    async with conversation.subscribe() as first, conversation.subscribe() as second:
        await say(conversation, "what data do I have?")
        heard = [[await anext(page) for _ in range(6)] for page in (first, second)]
    assert heard[0] == heard[1]
    revisions = [frame.revision for frame in heard[0] if isinstance(frame, ItemFrame)]
    assert revisions == sorted(set(revisions))
    assert TurnFrame(state="working") in heard[0]


async def test_a_failed_run_is_told_with_its_reason_once(workspace: Workspace, conversation: Conversation) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    await say(conversation, "yes")
    await workspace.runs.claim_one("r1")
    log = EventLog(workspace.runs.folder("r1"))
    log.append(Started(model="patchcore", dataset="oled"))
    log.append(Failed(code="memory", reason="out of memory", hint="use smaller images"))
    log.close()
    assert (await workspace.supervisor.run_one("r1")).state == "failed"
    await conversation.tell_end_of(await workspace.runs.get("r1"))
    told = [
        item.text
        for key, _, item in await conversation.items()
        if key == "summary-r1" and isinstance(item, AssistantItem)
    ]
    assert len(told) == 1
    assert "out of memory" in told[0]
    assert "use smaller images" in told[0]


async def test_a_conversation_is_the_same_after_a_restart(workspace: Workspace, conversation: Conversation) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    before = await conversation.items()
    async with Workspace.open(workspace.settings) as again:
        reopened = await again.conversations.get(conversation.id)
        assert await reopened.items() == before
        await say(reopened, "yes")
        assert [run.id for run in await again.runs.list()] == ["r1"]


async def test_two_who_open_the_page_at_once_get_a_conversation_each(workspace: Workspace) -> None:
    first, second = [await workspace.conversations.create("en") for _ in range(2)]
    assert first.id != second.id
    assert list(await workspace.conversations.list()) == []  # nothing was said in them yet
    await say(first, "what data do I have?")
    assert {each.id for each in await workspace.conversations.list(also=second.id)} == {first.id, second.id}
    await workspace.conversations.forget_unused(older_than=timedelta(0))
    assert [each.id for each in await workspace.conversations.list(also=second.id)] == [first.id]


async def test_a_conversation_that_was_just_opened_outlives_the_start_of_another_server(workspace: Workspace) -> None:
    opened = await workspace.conversations.create("en")
    async with Workspace.open(workspace.settings) as another, another.working():
        assert await another.conversations.is_unused(opened.id)
    await say(opened, "what data do I have?")
    assert [each.id for each in await workspace.conversations.list()] == [opened.id]


async def test_a_conversation_that_is_deleted_takes_its_items_along(
    workspace: Workspace, conversation: Conversation
) -> None:
    await say(conversation, "what data do I have?")
    await workspace.conversations.delete(conversation.id)
    with pytest.raises(LookupError):
        await workspace.conversations.get(conversation.id)
    assert await workspace.conversations.list() == []


async def finished_run(workspace: Workspace, model: str) -> str:
    job = make_job("detect", "oled", model)
    row = await workspace.runs.add(job, data_path="/data")
    await workspace.runs.claim_one(row.id)
    facts = await workspace.datasets.facts("oled")
    write_model(workspace.runs.folder(row.id), card(job, fingerprint=facts.fingerprint))
    await workspace.runs.end(row.id, "succeeded", metrics={"image_auroc": 0.9})
    return row.id


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("combine the last two runs", ["r3", "r2"]),
        ("r1이랑 r3 앙상블 만들어줘", ["r1", "r3"]),
        ("合并最近三次训练", ["r3", "r2", "r1"]),
    ],
)
async def test_finished_runs_are_put_together_by_words(
    workspace: Workspace, conversation: Conversation, text: str, runs: list[str]
) -> None:
    for model in ("padim", "stfpm", "patchcore"):
        await finished_run(workspace, model)
    await say(conversation, text)
    plan = await plan_of(conversation)
    assert (plan.model, plan.dataset) == ("ensemble", "oled")
    assert [member.run for member in plan.members] == runs


async def test_an_ensemble_of_nothing_is_refused_in_the_language_of_the_question(
    workspace: Workspace, conversation: Conversation
) -> None:
    await finished_run(workspace, "padim")
    assert "둘 이상" in answers(await say(conversation, "oled 앙상블 학습해줘"))
    assert "at least 2 finished trainings" in answers(await say(conversation, "train an ensemble on oled"))


async def test_which_model_to_use_is_answered_for_the_data_at_hand(
    workspace: Workspace, conversation: Conversation
) -> None:
    assert "With the 60 good images of **oled**" in answers(await say(conversation, "which model should I use?"))
    await set_good_images(workspace, 12)
    assert "양품 12장" in answers(await say(conversation, "oled에 쓸만한 모델 추천 좀"))


async def test_a_plan_for_few_images_says_what_it_chose_for_them(
    workspace: Workspace, conversation: Conversation
) -> None:
    await set_good_images(workspace, 35)
    assert "Because there are 35 good images: Coreset ratio 0.2" in answers(
        await say(conversation, "train patchcore on oled")
    )
    shown = {setting.name: setting for setting in (await plan_of(conversation)).settings}
    assert shown["augmentation"].value == "light"
    assert shown["augmentation"].because is not None
    await say(conversation, "no augmentation")
    shown = {setting.name: setting for setting in (await plan_of(conversation)).settings}
    assert (shown["augmentation"].value, shown["augmentation"].because) == ("none", None)


async def set_good_images(workspace: Workspace, good: int) -> None:
    async with workspace.database.session() as session:
        row = await session.get(DatasetRow, "oled")
        assert row is not None
        row.facts = row.facts.model_copy(update={"train_good": good})
