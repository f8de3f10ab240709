"""A threshold is set in the conversation: what it costs is asked about on a card first, and what was approved is what is set."""

from typing import Any

import pytest

from assistant.chat.conversation import Conversation
from assistant.frames import Answer, AssistantItem, ConfirmItem
from assistant.runs.thresholds import options, set_threshold
from assistant.telling.runs import sentences_of_run
from assistant.tools.words import question_words
from assistant.workspace import Workspace
from engine.contract.another_threshold import Asked
from tests.assistant.runs.test_thresholds import finished
from tests.talk import answers, say

pytestmark = pytest.mark.anyio


async def question(conversation: Conversation, **asked: Any) -> ConfirmItem:
    called = await conversation.call("set_threshold", {"run": "r1", **asked}, "en")
    assert called.status == "needs_approval", called.facts
    return [item for _, _, item in await conversation.items() if isinstance(item, ConfirmItem)][-1]


async def answer(conversation: Conversation, asked: ConfirmItem, *, yes: bool) -> str:
    await conversation.receive(Answer(call=asked.call, yes=yes), "en")
    await conversation.finish()
    return [item.text for _, _, item in await conversation.items() if isinstance(item, AssistantItem)][-1]


async def test_what_it_costs_is_asked_first_and_a_yes_sets_it(workspace: Workspace) -> None:
    row, conversation = await finished(workspace), await workspace.conversations.create("en")
    asked = await question(conversation, escape_rate=0)
    words = question_words("set_threshold", asked.values, "en")
    assert "miss 0 of 2 defects instead of 1, and call 1 of 1 good test images defective instead of 0" in words
    assert (await workspace.runs.get(row.id)).threshold is None
    said = await answer(conversation, asked, yes=True)
    assert "**0 of 2** defects instead of 1" in said and "on new images it will do worse" in said
    force = (await options(workspace.runs, await workspace.runs.get(row.id)))["in_force"]
    assert (force["version"], force["who"], force["missed"]) == (2, "chat", 0)
    (kept,) = await workspace.runs.thresholds(row.id)
    assert kept.conversation == conversation.id


async def test_a_no_leaves_it_as_it_is(workspace: Workspace) -> None:
    row, conversation = await finished(workspace), await workspace.conversations.create("en")
    said = await answer(conversation, await question(conversation, to="f1"), yes=False)
    assert "stays as it is" in said
    assert (await workspace.runs.get(row.id)).threshold is None


async def test_a_yes_to_what_is_no_longer_so_sets_nothing(workspace: Workspace) -> None:
    row, conversation = await finished(workspace), await workspace.conversations.create("en")
    asked = await question(conversation, value=0.3)
    await set_threshold(workspace.runs, row, Asked(value=0.7), who="page")
    said = await answer(conversation, asked, yes=True)
    assert "set elsewhere meanwhile" in said
    assert (await options(workspace.runs, await workspace.runs.get(row.id)))["in_force"]["value"] == 0.7


async def test_undo_says_how_a_threshold_that_was_set_last_is_taken_back(workspace: Workspace) -> None:
    _, conversation = await finished(workspace), await workspace.conversations.create("en")
    await answer(conversation, await question(conversation, escape_rate=0), yes=True)
    called = await conversation.call("undo_change", {}, "en")
    assert called.status == "refused" and called.facts["threshold_of"] == "r1"


async def test_the_summary_says_who_set_the_threshold_and_why(workspace: Workspace) -> None:
    row = await finished(workspace)
    row = await set_threshold(workspace.runs, row, Asked(value=0.3), who="command line", why="the line agreed")
    said = {each.id: each.text for each in sentences_of_run(row, workspace.runs.folder(row.id), "en", ())}
    assert "It was set from the command line on 20" in said["r1.threshold_set"]
    assert said["r1.threshold_set"].endswith("UTC, because: the line agreed.")


@pytest.mark.parametrize(
    ("wish", "why"),
    [
        ({}, "which_threshold"),
        ({"to": "previous"}, "nothing_before"),
        ({"value": 1.0, "to": "f1"}, "bad_threshold"),
        ({"overkill_rate": -1.0}, "bad_threshold"),
    ],
)
async def test_what_cannot_be_set_is_refused_before_anybody_is_asked(
    workspace: Workspace, wish: dict[str, Any], why: str
) -> None:
    await finished(workspace)
    conversation = await workspace.conversations.create("en")
    called = await conversation.call("set_threshold", {"run": "r1", **wish}, "en")
    assert called.status == "refused"
    assert why in (called.facts["code"], called.facts.get("why"))


async def test_the_threshold_in_force_is_told_where_none_is_named(workspace: Workspace) -> None:
    row, conversation = await finished(workspace), await workspace.conversations.create("en")
    force = (await options(workspace.runs, row))["in_force"]
    said = answers(await say(conversation, "what is the threshold of r1"))
    assert (
        f"The threshold of **r1** is {force['value']:.4g} (version 1): 1 of 2 defective test images are missed" in said
    )
