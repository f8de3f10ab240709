"""What a conversation remembers is stored with it: the same in every page, after a restart, and however many take it forward at once."""

import asyncio
import secrets

import pytest

from assistant.chat.conversation import Conversation
from assistant.chat.frame_refused import FrameRefused
from assistant.chat.memory import Memory
from assistant.frames import Approve, ChoicesItem, Decline, Edit, ProposalItem, Undo
from assistant.machine.masking import Mask
from assistant.settings import Settings
from assistant.state import State, with_run
from assistant.store.database import Database
from assistant.store.tables import ConversationRow, DatasetRow
from assistant.workspace import Workspace
from engine.contract.jobs import make_job
from tests.stored_home import CONVERSATION, FINISHED, STOPPED, copy_database, unpack
from tests.talk import answers, plan_of, say

pytestmark = pytest.mark.anyio


async def test_what_was_said_is_remembered_and_the_same_after_a_restart(
    settings: Settings, conversation: Conversation
) -> None:
    await say(conversation, "train PatchCore on oled with batch 8")
    remembered = await conversation.memory.state()
    assert remembered.plan is not None
    assert (remembered.plan.dataset, remembered.plan.chosen) == ("oled", {"batch_size": 8})
    assert remembered.datasets == ["oled"]
    assert remembered.act is not None
    assert (remembered.act.tool, remembered.act.outcome) == ("propose_training", "done")
    async with Workspace.open(settings) as restarted:
        again = await restarted.conversations.get(conversation.id)
        assert await again.memory.state() == remembered


async def test_a_run_that_was_started_is_spoken_of_and_its_plan_is_open_no_more(conversation: Conversation) -> None:
    await say(conversation, "train PatchCore on oled")
    plan = await plan_of(conversation)
    await conversation.receive(Approve(proposal=plan.proposal, revision=plan.revision), "en")
    await conversation.finish()
    state = await conversation.memory.state()
    assert (state.runs, state.plan) == (["r1"], None)


async def test_an_edit_on_the_card_is_remembered_and_a_declined_plan_is_forgotten(conversation: Conversation) -> None:
    await say(conversation, "train PatchCore on oled")
    plan = await plan_of(conversation)
    await conversation.receive(Edit(proposal=plan.proposal, revision=plan.revision, changes={"image_size": 128}), "en")
    assert [each.chosen for each in (await conversation.memory.state()).plans] == [{}, {"image_size": 128}]
    await conversation.receive(Decline(proposal=plan.proposal), "en")
    await conversation.finish()
    assert (await conversation.memory.state()).plan is None


async def test_a_refusal_is_remembered_with_its_reason(conversation: Conversation) -> None:
    await say(conversation, "how far is r9?")
    act = (await conversation.memory.state()).act
    assert act is not None
    assert (act.outcome, act.told["code"]) == ("refused", "unknown_run")


async def test_many_at_once_each_take_it_a_step_forward(database: Database) -> None:
    row = ConversationRow(id=secrets.token_hex(6), language="en")
    async with database.session() as session:
        session.add(row)
    pages = [Memory(database, row.id, Mask([])) for _ in range(4)]
    await asyncio.gather(
        *(page.change(lambda state, run=f"r{at}": with_run(state, run)) for at, page in enumerate(pages))
    )
    assert sorted((await pages[0].state()).runs) == ["r0", "r1", "r2", "r3"]


async def test_no_secret_is_stored_in_it(database: Database) -> None:
    row = ConversationRow(id=secrets.token_hex(6), language="en")
    async with database.session() as session:
        session.add(row)
    memory = Memory(database, row.id, Mask(["sk-0123456789abcdef"]))
    await memory.change(lambda state: with_run(state, "sk-0123456789abcdef"))
    assert "0123456789abcdef" not in str(await memory.state())


async def test_a_deleted_conversation_remembers_nothing(database: Database) -> None:
    memory = Memory(database, "gone", Mask([]))
    await memory.change(lambda state: with_run(state, "r1"))
    assert await memory.state() == State()


async def test_a_conversation_of_an_earlier_version_remembers_its_runs_and_its_open_plan(
    settings: Settings, database_url: str
) -> None:
    unpack(settings.home)
    copy_database(settings.home, database_url)
    async with Workspace.open(settings.model_copy(update={"database": database_url})) as workspace:
        state = await (await workspace.conversations.get(CONVERSATION)).memory.state()
    assert (state.runs, state.plan is not None and state.plan.model) == ([STOPPED, FINISHED], "padim")


async def test_a_change_is_undone_step_by_step_by_words_and_by_the_button(conversation: Conversation) -> None:
    await say(conversation, "train PatchCore on oled with batch 8")
    await say(conversation, "batch 4")
    await say(conversation, "train PaDiM")
    assert (await chosen(conversation)) == ("padim", 4)
    plan = await plan_of(conversation)
    assert plan.can_be_undone
    await conversation.receive(Undo(proposal=plan.proposal, revision=plan.revision), "en")
    assert (await chosen(conversation)) == ("patchcore", 4)
    plan = await open_plan(conversation)
    await conversation.receive(Undo(proposal=plan.proposal, revision=plan.revision), "en")
    assert (await chosen(conversation)) == ("patchcore", 8)
    plan = await open_plan(conversation)
    assert not plan.can_be_undone
    with pytest.raises(FrameRefused):
        await conversation.receive(Undo(proposal=plan.proposal, revision=plan.revision), "en")


async def test_settings_survive_another_model_and_what_does_not_fit_is_named(conversation: Conversation) -> None:
    await say(conversation, "train PatchCore on oled with batch 8 and coreset ratio 0.05")
    told = answers(await say(conversation, "train PaDiM instead"))
    assert (await chosen(conversation)) == ("padim", 8)
    assert "Taken over: Batch size 8" in told
    assert "does not fit this plan: Coreset ratio 0.05" in told


async def test_a_finished_run_is_trained_again_with_its_settings(
    workspace: Workspace, conversation: Conversation
) -> None:
    await register_twin(workspace, "tiles")
    await say(conversation, "train PatchCore on oled with batch 8")
    await say(conversation, "yes")
    await say(conversation, "train on tiles")
    plan = await open_plan(conversation)
    assert plan.dataset == "tiles"
    assert (await chosen(conversation)) == ("patchcore", 8)
    await say(conversation, "no")
    await say(conversation, "train STFPM on tiles")  # whole, and so nothing of before
    assert (await open_plan(conversation)).model == "stfpm"
    assert (await conversation.memory.state()).plan is not None
    assert (await chosen(conversation))[1] != 8


async def test_which_data_set_is_asked_with_buttons_and_one_that_is_pressed_answers(
    workspace: Workspace, conversation: Conversation
) -> None:
    await register_twin(workspace, "tiles")
    items = await say(conversation, "train PaDiM with batch 8")
    (asked,) = [item for item in items if isinstance(item, ChoicesItem)]
    assert (asked.choices, asked.state) == (["oled", "tiles"], "open")
    assert (await conversation.memory.state()).question is not None
    await say(conversation, "tiles")
    plan = await open_plan(conversation)
    assert (plan.dataset, plan.model) == ("tiles", "padim")
    settled = [item for _, _, item in await conversation.items() if isinstance(item, ChoicesItem)]
    assert [(item.state, item.chosen) for item in settled] == [("settled", "tiles")]
    assert (await conversation.memory.state()).question is None


async def test_a_bare_yes_to_several_choices_is_asked_again_and_a_no_does_nothing(
    workspace: Workspace, conversation: Conversation
) -> None:
    await register_twin(workspace, "tiles")
    await say(conversation, "train PaDiM")
    assert "Which of them" in answers(await say(conversation, "yes"))
    assert (await conversation.memory.state()).question is not None
    assert "nothing was done" in answers(await say(conversation, "no"))
    assert (await conversation.memory.state()).question is None


async def register_twin(workspace: Workspace, name: str) -> None:
    """Another data set with the same content as oled."""
    async with workspace.database.session() as session:
        row = await session.get(DatasetRow, "oled")
        assert row is not None
        twin = {"path": row.path, "layout": row.layout, "origin": row.origin, "facts": row.facts, "stamp": row.stamp}
        session.add(DatasetRow(name=name, images=[], **twin))


async def open_plan(conversation: Conversation) -> ProposalItem:
    plans = [item for _, _, item in await conversation.items() if isinstance(item, ProposalItem)]
    return next(plan for plan in reversed(plans) if plan.state == "open")


async def chosen(conversation: Conversation) -> tuple[str, int]:
    """The model and the batch size of the open plan."""
    plan = await open_plan(conversation)
    return plan.model, {setting.name: setting.value for setting in plan.settings}["batch_size"]


async def test_the_second_of_a_list_is_told_of_and_then_the_other_one(
    workspace: Workspace, conversation: Conversation
) -> None:
    await register_twin(workspace, "tiles")
    await say(conversation, "which data sets do I have?")
    assert "**tiles**" in answers(await say(conversation, "tell me about the second one"))
    assert "**oled**" in answers(await say(conversation, "and the first?"))


@pytest.mark.parametrize(
    ("lists", "asks"), [("학습 목록 보여줘", "두 번째 거 알려줘"), ("list the runs", "what about the second one?")]
)
async def test_an_ordinal_in_words_is_a_place_in_the_list_of_runs(
    workspace: Workspace, conversation: Conversation, lists: str, asks: str
) -> None:
    for _ in range(2):
        await workspace.runs.add(make_job("detect", "oled", "padim"), data_path="/data")
    assert "r2" in answers(await say(conversation, lists))  # the newest first
    told = answers(await say(conversation, asks))
    assert ("r1" in told, "r2" in told) == (True, False)


async def test_a_plan_on_it_is_on_the_data_set_spoken_of_last(workspace: Workspace, conversation: Conversation) -> None:
    await register_twin(workspace, "tiles")
    await say(conversation, "what is in tiles?")
    await say(conversation, "train PaDiM on it")
    assert (await open_plan(conversation)).dataset == "tiles"


async def test_once_more_after_an_undo_undoes_the_change_before(conversation: Conversation) -> None:
    await say(conversation, "train PatchCore on oled with batch 8")
    await say(conversation, "batch 4")
    await say(conversation, "batch 2")
    await say(conversation, "undo that")
    assert (await chosen(conversation)) == ("patchcore", 4)
    await say(conversation, "once more")
    assert (await chosen(conversation)) == ("patchcore", 8)
    assert "nothing to undo" in answers(await say(conversation, "undo that"))


async def test_a_data_set_that_nobody_knows_is_asked_about_and_its_button_keeps_the_rest(
    workspace: Workspace, conversation: Conversation
) -> None:
    await register_twin(workspace, "tiles")
    items = await say(conversation, "train PaDiM on tilez9 with batch 8")
    assert [item for item in items if isinstance(item, ChoicesItem)]
    await say(conversation, "the first one")
    state = await conversation.memory.state()
    assert state.plan is not None
    assert (state.plan.model, state.plan.chosen) == ("padim", {"batch_size": 8})


async def test_a_plan_that_was_just_made_is_withdrawn_by_undo_and_can_be_taken_up_again(
    conversation: Conversation,
) -> None:
    await say(conversation, "train PaDiM on oled")
    said = answers(await say(conversation, "undo that"))
    assert "withdrawn" in said
    assert (await plan_of(conversation)).state == "declined"
    await say(conversation, "start it")
    assert (await plan_of(conversation)).state == "open"


async def test_where_nothing_is_trained_here_stopping_is_about_the_plan(conversation: Conversation) -> None:
    await say(conversation, "train PaDiM on oled")
    await say(conversation, "stop the training")
    assert (await plan_of(conversation)).state == "declined"


async def test_why_after_a_plan_is_answered_by_the_reasons_of_its_settings(conversation: Conversation) -> None:
    await say(conversation, "train PatchCore on oled with batch 8")
    said = answers(await say(conversation, "why?"))
    assert "Batch size 8" in said
    assert "PatchCore" in said


async def test_a_plan_like_a_run_takes_over_its_data_model_and_settings(
    conversation: Conversation, workspace: Workspace
) -> None:
    job = make_job("detect", "oled", "padim", {"batch_size": 4})
    await workspace.runs.add(job, data_path="/data", conversation=conversation.id)
    await say(conversation, "train PatchCore on oled")
    await say(conversation, "the same as r1")
    plan = await plan_of(conversation)
    assert (plan.model, {each.name: each.value for each in plan.settings}["batch_size"]) == ("padim", 4)


async def test_how_long_it_takes_is_asked_of_the_run_that_is_under_way_where_no_plan_is_open(
    conversation: Conversation, workspace: Workspace
) -> None:
    run = await workspace.runs.add(make_job("detect", "oled", "padim"), data_path="/data", conversation=conversation.id)
    await conversation.memory.change(lambda state: with_run(state, run.id))
    assert "r1" in answers(await say(conversation, "how long would it take?"))


async def test_what_was_refused_is_the_reason_only_where_nothing_else_is_asked_about(
    conversation: Conversation,
) -> None:
    await say(conversation, "how far is r9?")
    assert "r9" not in answers(await say(conversation, "why does it miss so many defects?"))
    await say(conversation, "how far is r9?")
    assert "r9" in answers(await say(conversation, "why?"))


async def test_a_change_that_was_not_heard_is_not_told_as_a_plan_that_was_made(conversation: Conversation) -> None:
    await say(conversation, "train PatchCore on oled")
    assert "no change" in answers(await say(conversation, "change the plan please"))


async def test_without_an_open_plan_half_is_a_half_of_what_the_run_talked_about_had(
    conversation: Conversation, workspace: Workspace
) -> None:
    job = make_job("detect", "oled", "padim", {"batch_size": 12})
    run = await workspace.runs.add(job, data_path="/data", conversation=conversation.id)
    await conversation.memory.change(lambda state: with_run(state, run.id))
    await say(conversation, "train it again with half the batch size")
    plan = await plan_of(conversation)
    assert {each.name: each.value for each in plan.settings}["batch_size"] == 6


async def test_a_setting_that_was_taken_over_says_so_on_the_card(conversation: Conversation) -> None:
    await say(conversation, "train PatchCore on oled with batch 8")
    await say(conversation, "use padim instead")
    (batch,) = [each for each in (await plan_of(conversation)).settings if each.name == "batch_size"]
    assert batch.because is not None
    assert batch.because.code == "carried"


async def test_settings_that_are_said_while_it_is_asked_on_what_data_are_kept(conversation: Conversation) -> None:
    await say(conversation, "train PaDiM on the tablet_covers data")
    await say(conversation, "batch 8")
    await say(conversation, "oled")
    plan = (await conversation.memory.state()).plan
    assert plan is not None
    assert (plan.model, plan.chosen) == ("padim", {"batch_size": 8})
