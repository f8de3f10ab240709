"""What another program calls in a conversation: done as the agent does it, but what needs a yes waits for a person."""

import pytest

from assistant.chat.conversation import Conversation
from assistant.frames import Approve, ConfirmItem, ProposalItem, RunItem, ToolItem
from assistant.workspace import Workspace
from tests.talk import answers, plan_of, say

pytestmark = pytest.mark.anyio


async def questions(conversation: Conversation) -> list[ConfirmItem]:
    return [item for _, _, item in await conversation.items() if isinstance(item, ConfirmItem)]


async def planned(conversation: Conversation) -> ProposalItem:
    await conversation.call("propose_training", {"dataset": "oled", "model": "patchcore"}, "en")
    return await plan_of(conversation)


async def test_a_call_is_shown_as_a_folded_line_and_remembered(conversation: Conversation) -> None:
    called = await conversation.call("inspect_dataset", {"dataset": "oled"}, "en")
    (item,) = [item for _, _, item in await conversation.items()]
    assert isinstance(item, ToolItem)
    assert (called.status, item.state, item.tool) == ("done", "done", "inspect_dataset")
    assert (await conversation.memory.state()).datasets == ["oled"]


async def test_a_start_that_is_called_for_waits_on_the_plans_card(
    workspace: Workspace, conversation: Conversation
) -> None:
    plan = await planned(conversation)
    called = await conversation.call("start_training", {}, "en")
    assert (called.status, called.facts["proposal"]) == ("needs_approval", plan.proposal)
    assert list(await workspace.runs.list()) == []
    assert (await plan_of(conversation)).state == "open"


async def test_a_person_approves_what_a_program_planned_and_the_program_reads_how_it_goes(
    workspace: Workspace, conversation: Conversation
) -> None:
    plan = await planned(conversation)
    await conversation.call("start_training", {}, "en")
    await conversation.receive(Approve(proposal=plan.proposal, revision=plan.revision), "en")
    await conversation.finish()
    assert [row.id for row in await workspace.runs.list()] == ["r1"]
    assert (await conversation.call("run_status", {}, "en")).facts["state"] == "queued"


async def test_a_plain_yes_means_the_plan_that_a_program_asked_for(
    workspace: Workspace, conversation: Conversation
) -> None:
    await planned(conversation)
    await conversation.call("start_training", {}, "en")
    assert any(isinstance(item, RunItem) for item in await say(conversation, "yes"))


async def test_a_stop_that_is_called_for_is_a_question_to_people(
    workspace: Workspace, conversation: Conversation
) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    await say(conversation, "yes")
    called = await conversation.call("stop_run", {"run": "r1"}, "en")
    assert called.status == "needs_approval"
    assert "r1" in called.facts["question"]
    assert (await workspace.runs.get("r1")).state == "queued"
    assert answers(await say(conversation, "yes"))
    assert (await workspace.runs.get("r1")).state == "stopped"


async def test_a_question_that_stands_open_is_neither_doubled_nor_passed_over_by_further_calls(
    conversation: Conversation,
) -> None:
    await say(conversation, "train PatchCore on the OLED data")
    await say(conversation, "yes")
    for tool in ("stop_run", "run_status", "stop_run", "list_runs"):
        await conversation.call(tool, {}, "en")
    assert [item.state for item in await questions(conversation)] == ["open"]


async def test_another_question_takes_the_place_of_the_one_before(
    workspace: Workspace, conversation: Conversation
) -> None:
    for _ in range(2):
        await say(conversation, "train PatchCore on the OLED data")
        await say(conversation, "yes")
    await conversation.call("stop_run", {"run": "r1"}, "en")
    await conversation.call("stop_run", {"run": "r2"}, "en")
    assert [item.state for item in await questions(conversation)] == ["passed", "open"]
    await say(conversation, "yes")
    assert [row.state for row in await workspace.runs.some(["r1", "r2"])] == ["queued", "stopped"]


async def test_a_plan_of_another_conversation_cannot_be_asked_for(
    workspace: Workspace, conversation: Conversation
) -> None:
    plan = await planned(conversation)
    other = await workspace.conversations.create("en")
    called = await other.call("start_training", {"proposal": plan.proposal}, "en")
    assert (called.status, called.facts["code"]) == ("refused", "no_plan")


async def test_what_is_refused_is_told_to_people_in_the_conversations_language(conversation: Conversation) -> None:
    called = await conversation.call("run_status", {"run": "r99"}, "ko")
    (item,) = [item for _, _, item in await conversation.items() if isinstance(item, ToolItem)]
    assert (called.status, called.facts["code"], item.state) == ("refused", "unknown_run", "asks")
    assert item.error is not None
    assert any("가" <= letter <= "힣" for letter in item.error)
