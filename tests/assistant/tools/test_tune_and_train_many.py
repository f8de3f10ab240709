"""Tuning a setting and training several models: each is one plan that waits for one yes."""

from typing import Any

import pytest

from assistant.chat.conversation import Conversation
from assistant.frames import Answer, Approve, ConfirmItem, PlannedGroup
from assistant.plans.group import LEAST_MINUTES, MOST_MINUTES
from assistant.workspace import Workspace
from engine.contract.jobs import make_job
from tests.talk import answers, plan_of, say

pytestmark = pytest.mark.anyio
PLAIN = {"dataset": "oled", "model": "autoencoder"}


async def tuned(conversation: Conversation, **asked: Any) -> PlannedGroup:
    """What the card shows of a tuning."""
    called = await conversation.call("sweep", {**PLAIN, **asked}, "en")
    assert called.status == "done", called.facts
    group = (await plan_of(conversation)).group
    assert group is not None
    return group


async def approved_tuning(conversation: Conversation) -> None:
    """A group of two that a person has said yes to."""
    await tuned(conversation, values=[64, 96])
    plan = await plan_of(conversation)
    await conversation.call("start_training", {}, "en")
    await conversation.receive(Approve(proposal=plan.proposal, revision=plan.revision), "en")
    await conversation.finish()


async def test_each_value_is_a_training_and_nothing_starts(workspace: Workspace, conversation: Conversation) -> None:
    group = await tuned(conversation, setting="image_size", values=["64", 128, 128])
    assert [each.differs for each in group.trials] == [{"image_size": 64}, {"image_size": 128}]
    assert (list(await workspace.runs.list()), list(await workspace.groups.latest())) == ([], [])


async def test_without_values_a_whole_number_is_tried_around_its_present_value(conversation: Conversation) -> None:
    group = await tuned(conversation)
    assert [each.differs["image_size"] for each in group.trials] == [64, 96, 128, 192, 256]


async def test_a_choice_is_tried_with_each_of_its_values(conversation: Conversation) -> None:
    group = await tuned(conversation, setting="augmentation")
    assert [each.differs["augmentation"] for each in group.trials] == ["none", "light", "strong"]


async def test_a_share_is_searched_within_its_limits_and_some_minutes(conversation: Conversation) -> None:
    group = await tuned(conversation, setting="calibration_share", minutes=3)
    assert (group.trials, group.search, group.minutes) == ([], {"calibration_share": (0.05, 0.5)}, 3)


@pytest.mark.parametrize(
    "asked",
    [
        {"setting": "colour"},
        {"setting": "image_size", "values": [7, 64]},
        {"setting": "image_size", "values": [64, "64"]},
        {"setting": "layers"},
    ],
)
async def test_what_cannot_be_tuned_so_is_refused_in_words(conversation: Conversation, asked: dict[str, Any]) -> None:
    called = await conversation.call("sweep", {**PLAIN, **asked}, "en")
    assert (called.status, called.facts["code"]) == ("refused", "settings")


async def test_a_tuning_takes_over_what_the_open_plan_has_chosen(conversation: Conversation) -> None:
    await conversation.call("propose_training", {**PLAIN, "epochs": 3, "image_size": 64}, "en")
    called = await conversation.call("sweep", {"values": [64, 96]}, "en")
    plan = await plan_of(conversation)
    assert {each.name: each.value for each in plan.settings}["epochs"] == 3
    assert (called.facts["model"], called.facts["setting"]) == ("autoencoder", "image_size")


async def test_a_change_of_a_tuning_in_the_chat_keeps_it_one(conversation: Conversation) -> None:
    await tuned(conversation, values=[64, 96])
    await conversation.call("propose_training", {"epochs": 4}, "en")
    plan = await plan_of(conversation)
    assert plan.group is not None
    assert [each.differs for each in plan.group.trials] == [{"image_size": 64}, {"image_size": 96}]
    assert {each.name: each.value for each in plan.settings}["epochs"] == 4


async def test_several_models_are_one_plan(conversation: Conversation) -> None:
    called = await conversation.call("train_many", {"datasets": ["oled"], "models": ["autoencoder", "draem"]}, "en")
    plan = await plan_of(conversation)
    assert plan.group is not None
    assert [each.differs for each in plan.group.trials] == [{"model": "autoencoder"}, {"model": "draem"}]
    assert (called.facts["trainings"], called.facts["left_out"]) == (2, [])


async def test_all_models_are_those_that_suit_and_the_others_are_left_out_with_the_reason(
    conversation: Conversation,
) -> None:
    called = await conversation.call("train_many", {}, "en")
    assert called.status == "done", called.facts
    left_out = {each["model"]: each["reason"] for each in called.facts["left_out"]}
    assert "weights" in left_out["patchcore"]
    assert "patchcore" not in called.facts["models"]
    assert called.facts["trainings"] == len(called.facts["models"]) > 0


async def test_a_stop_means_the_group_that_goes_on_and_waits_for_a_yes(
    workspace: Workspace, conversation: Conversation
) -> None:
    await approved_tuning(conversation)
    called = await conversation.call("stop_run", {}, "en")
    assert (called.status, (await workspace.groups.get("g1")).stop_requested) == ("needs_approval", False)
    (question,) = [item for _, _, item in await conversation.items() if isinstance(item, ConfirmItem)]
    await conversation.receive(Answer(call=question.call, yes=True), "en")
    await conversation.finish()
    assert (await workspace.groups.get("g1")).stop_requested


@pytest.mark.parametrize("minutes", [0, -1, 20_000])
async def test_minutes_that_there_cannot_be_are_refused_with_what_is_possible(
    conversation: Conversation, minutes: float
) -> None:
    called = await conversation.call("sweep", {**PLAIN, "values": [64, 96], "minutes": minutes}, "en")
    assert (called.status, called.facts["code"]) == ("refused", "settings")
    (problem,) = called.facts["problems"]
    assert (problem["name"], problem["limit"]) == ("minutes", MOST_MINUTES if minutes > 0 else LEAST_MINUTES)


async def test_how_a_group_is_doing_and_its_deletion_are_asked_by_its_id(
    workspace: Workspace, conversation: Conversation
) -> None:
    await approved_tuning(conversation)
    run = await workspace.runs.add(
        make_job("detect", "oled", "autoencoder"), data_path="/d", group="g1", trial={"number": 1, "differs": {}}
    )
    said = answers(await say(conversation, "how is g1 doing"))
    assert "**g1** goes on: 0 of 2 trainings are done" in said
    said = answers(await say(conversation, "delete g1"))
    assert "**g1** has not ended yet" in said
    await workspace.runs.stop(run.id)
    await workspace.groups.end("g1", "stopped")
    assert "**g1** is done" in answers(await say(conversation, "is g1 finished?"))
    await say(conversation, "delete g1")
    (question,) = [item for _, _, item in await conversation.items() if isinstance(item, ConfirmItem)]
    await conversation.receive(Answer(call=question.call, yes=True), "en")
    await conversation.finish()
    assert [row.id for row in await workspace.runs.deleted()] == [run.id]
    assert "There is no run" in answers(await say(conversation, "how is g7 doing"))


async def test_a_value_that_a_tools_schema_refuses_is_told_as_a_sentence(conversation: Conversation) -> None:
    text = answers(await say(conversation, "find the best model for oled by trial in 0 minutes"))
    assert "Minutes in all is 0.0; it must be more than 0." in text and "Input should" not in text
