"""A run that ended without a result is taken up by a new one: once, on the data that was approved, and only at a person's word."""

import asyncio
import json
import struct

import pytest

from assistant.chat.conversation import Conversation
from assistant.frames import Answer, AssistantItem, ConfirmItem, Item, ProposalItem, RunItem
from assistant.plans.continuing import NotContinued, continue_run
from assistant.runs.continuing import what_is_left
from assistant.store.tables import DatasetRow, RunRow
from assistant.workspace import Workspace
from engine.contract.continuing import read_continued
from engine.contract.events import EventLog, Failed, Started
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from prompts.languages import Language
from tests.talk import answers, plan_of, say

pytestmark = pytest.mark.anyio
SPEC = make_job("detect", "oled", "autoencoder", {"epochs": 12})


async def a_run(
    workspace: Workspace, conversation: Conversation, *, state: str = "failed", kept: int | None = None
) -> RunRow:
    """A run of this conversation that has ended, with a checkpoint after so many epochs."""
    facts = await workspace.datasets.facts("oled")
    row = await workspace.runs.add(
        SPEC, data_path=facts.path, conversation=conversation.id, fingerprint=facts.fingerprint
    )
    await conversation.cards.show_run(row)
    folder = workspace.runs.folder(row.id)
    log = EventLog(folder)
    log.append(Started(model="autoencoder", dataset="oled"))
    log.append(Failed(code="killed", reason="killed by signal 9", hint="h"))
    log.close()
    if kept is not None:
        header = json.dumps({"__metadata__": {"progress": json.dumps({"position": {"epoch": kept}})}}).encode()
        RunFolder(folder).checkpoints.mkdir()
        RunFolder(folder).checkpoint.write_bytes(struct.pack("<Q", len(header)) + header)
    await workspace.runs.claim_one(row.id)
    await workspace.runs.end(row.id, state, reason="killed by signal 9", hint="h")
    return await workspace.runs.get(row.id)


async def change_data(workspace: Workspace) -> None:
    async with workspace.database.session() as session:
        row = await session.get(DatasetRow, "oled")
        assert row is not None
        row.facts = row.facts.model_copy(update={"fingerprint": "other"})


async def forget_images(workspace: Workspace, row: RunRow) -> None:
    async with workspace.database.session() as session:
        (await session.merge(row)).fingerprint = None


def questions(items: list[Item]) -> list[ConfirmItem]:
    return [item for item in items if isinstance(item, ConfirmItem)]


async def run_cards(conversation: Conversation) -> list[str]:
    return [item.run for _, _, item in await conversation.items() if isinstance(item, RunItem)]


@pytest.mark.parametrize("kept", [5, None])
async def test_a_run_is_continued_with_its_settings_its_data_and_its_checkpoint(
    workspace: Workspace, conversation: Conversation, kept: int | None
) -> None:
    row = await a_run(workspace, conversation, kept=kept)
    new = await workspace.continue_run(row.id)
    assert (new.state, new.continues, new.spec, new.data_path) == ("queued", row.id, row.spec, row.data_path)
    assert (new.fingerprint, new.conversation) == (row.fingerprint, conversation.id)
    folder = workspace.runs.folder(new.id)
    handed = read_continued(folder)
    assert handed is not None
    assert (handed.run, handed.after_epoch, RunFolder(folder).checkpoint.exists()) == (row.id, kept, kept is not None)
    assert await run_cards(conversation) == [row.id, new.id]


async def test_two_tabs_and_a_double_click_continue_a_run_once(
    workspace: Workspace, conversation: Conversation
) -> None:
    row = await a_run(workspace, conversation)
    new = await asyncio.gather(*(workspace.continue_run(row.id) for _ in range(4)))
    assert {each.id for each in new} == {"r2"}
    assert (await workspace.continue_run(row.id)).id == "r2"
    assert await run_cards(conversation) == ["r1", "r2"]
    assert await what_is_left(workspace.runs, row) is None


@pytest.mark.parametrize("state", ["queued", "running", "succeeded"])
async def test_a_run_that_has_not_ended_or_has_finished_is_not_continued(
    workspace: Workspace, conversation: Conversation, state: str
) -> None:
    row = await workspace.runs.add(SPEC, data_path="/data")
    if state != "queued":
        await workspace.runs.claim_one(row.id)
    if state == "succeeded":
        await workspace.runs.end(row.id, "succeeded", metrics={})
    with pytest.raises(NotContinued) as refused:
        await workspace.continue_run(row.id)
    assert refused.value.code == ("run_succeeded" if state == "succeeded" else "run_active")
    assert str(refused.value).endswith(refused.value.hint)
    assert len(await workspace.runs.list()) == 1


async def test_on_other_images_a_run_is_not_continued_but_is_planned_anew(
    workspace: Workspace, conversation: Conversation
) -> None:
    row = await a_run(workspace, conversation, kept=5)
    await change_data(workspace)
    with pytest.raises(NotContinued) as refused:
        await workspace.continue_run(row.id)
    assert refused.value.code == "new_plan"
    plan = await plan_of(conversation)
    assert (plan.state, plan.dataset_facts.fingerprint) == ("open", "other")
    assert {setting.name: setting.value for setting in plan.settings}["epochs"] == 12
    assert len(await workspace.runs.list()) == 1


async def test_images_that_were_approved_by_nobody_are_not_trained_on(
    workspace: Workspace, conversation: Conversation
) -> None:
    """A run of before fingerprints were kept: nobody can say what its images were, so nobody says that they changed."""
    row = await a_run(workspace, conversation)
    await forget_images(workspace, row)
    with pytest.raises(NotContinued) as refused:
        await workspace.continue_run(row.id)
    assert refused.value.code == "new_plan_unknown"
    assert "not on record" in str(refused.value)
    assert (await plan_of(conversation)).state == "open"
    row = await workspace.runs.get(row.id)
    with pytest.raises(NotContinued) as refused:
        await continue_run(workspace.datasets, workspace.runs, row)
    assert refused.value.code == "data_unknown"


@pytest.mark.parametrize(
    ("text", "language", "kept", "said"),
    [
        ("start it again", "en", None, "from its beginning"),
        ("retry r1", "en", 5, "after epoch 5 of 12"),
        ("r1 이어서 학습해", "ko", 5, "에폭 5/12"),
        ("继续训练 r1", "zh", 5, "第 5/12 轮"),
    ],
)
async def test_in_a_conversation_continuing_is_asked_for_first(
    workspace: Workspace, conversation: Conversation, text: str, language: Language, kept: int | None, said: str
) -> None:
    await a_run(workspace, conversation, kept=kept)
    question = questions(await say(conversation, text))[0]
    assert (question.action, question.values["run"], question.values.get("epoch")) == ("continue_run", "r1", kept)
    assert len(await workspace.runs.list()) == 1
    await conversation.receive(Answer(call=question.call, yes=True), language)
    await conversation.finish()
    assert [row.continues for row in await workspace.runs.list()] == ["r1", None]
    assert said in answers([item for _, _, item in await conversation.items()])
    assert await run_cards(conversation) == ["r1", "r2"]


async def test_a_no_leaves_a_run_as_it_ended(workspace: Workspace, conversation: Conversation) -> None:
    await a_run(workspace, conversation, kept=5)
    question = questions(await say(conversation, "go on with r1"))[0]
    await conversation.receive(Answer(call=question.call, yes=False), "en")
    await conversation.finish()
    assert "nothing was started" in answers([item for _, _, item in await conversation.items()])
    assert len(await workspace.runs.list()) == 1


async def test_who_asks_for_a_run_that_was_continued_means_the_one_that_continues_it(
    workspace: Workspace, conversation: Conversation
) -> None:
    row = await a_run(workspace, conversation)
    await workspace.continue_run(row.id)
    items = await say(conversation, "retry r1")
    assert questions(items) == []
    assert "r2" in answers(items)
    await workspace.runs.stop("r2")
    assert questions(await say(conversation, "retry r1"))[0].values["run"] == "r2"


@pytest.mark.parametrize(
    ("why", "told"),
    [("succeeded", "has finished"), ("data", "images are not those"), ("unknown", "not on record which images")],
)
async def test_where_nothing_can_be_continued_there_is_a_new_plan_with_the_same_settings(
    workspace: Workspace, conversation: Conversation, why: str, told: str
) -> None:
    row = await a_run(workspace, conversation, state="succeeded" if why == "succeeded" else "failed")
    if why == "data":
        await change_data(workspace)
    if why == "unknown":
        await forget_images(workspace, row)
    if why != "succeeded":
        question = questions(await say(conversation, "start it again"))[0]
        await conversation.receive(Answer(call=question.call, yes=True), "en")
        await conversation.finish()
    else:
        assert questions(await say(conversation, "do it again")) == []
    items = [item for _, _, item in await conversation.items()]
    plan = next(item for item in items if isinstance(item, ProposalItem))
    assert {setting.name: setting.value for setting in plan.settings}["epochs"] == 12
    assert told in answers(items)
    assert len(await workspace.runs.list()) == 1
    await say(conversation, "yes")
    assert [row.continues for row in await workspace.runs.list()] == [None, None]


@pytest.mark.parametrize(("kept", "said"), [(5, "Go on with r1"), (None, "Start r1 again")])
async def test_the_words_about_a_failed_run_name_what_can_be_done(
    workspace: Workspace, conversation: Conversation, kept: int | None, said: str
) -> None:
    row = await a_run(workspace, conversation, kept=kept)
    await conversation.tell_end_of(row)
    told = next(item for _, _, item in await conversation.items() if isinstance(item, AssistantItem))
    assert said in told.text


async def test_a_run_that_finished_though_it_was_asked_to_stop_is_told_as_such(
    workspace: Workspace, conversation: Conversation
) -> None:
    """The log has ended, the state is not noted yet: a stop changes nothing and is said to have come too late."""
    row = await workspace.runs.add(SPEC, data_path="/data", conversation=conversation.id)
    await workspace.runs.claim_one(row.id)
    question = questions(await say(conversation, "stop r1"))[0]
    log = EventLog(workspace.runs.folder(row.id))
    log.append(Failed(code="error", reason="r", hint="h"))
    log.close()
    await conversation.receive(Answer(call=question.call, yes=True), "en")
    await conversation.finish()
    assert not (await workspace.runs.get(row.id)).stop_requested
    said = answers([item for _, _, item in await conversation.items()])
    assert "had ended before the stop arrived" in said
    assert "is being stopped" not in said


async def test_a_run_that_waits_is_not_said_to_have_started(workspace: Workspace, conversation: Conversation) -> None:
    first = await workspace.runs.add(SPEC, data_path="/data")
    await workspace.runs.claim_one(first.id)
    await say(conversation, "train PatchCore on the OLED data")
    said = answers(await say(conversation, "yes"))
    assert "Started" not in said
    assert "waits for its turn: r1 is before it" in said
    assert "r1 is before it" in answers(await say(conversation, "how far is r2?"))
