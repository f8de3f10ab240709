"""Finding a model by trial: one plan of several short trainings, one card, and nothing that starts before a yes."""

import pytest

from assistant.chat.conversation import Conversation
from assistant.frames import ProposalItem
from assistant.workspace import Workspace

pytestmark = pytest.mark.anyio


async def test_the_trials_are_one_plan_and_nothing_starts(workspace: Workspace, conversation: Conversation) -> None:
    called = await conversation.call("recommend_model", {"dataset": "oled", "goal": "speed", "minutes": 3}, "en")
    assert called.status == "done", called.facts
    (plan,) = [item for _, _, item in await conversation.items() if isinstance(item, ProposalItem)]
    assert plan.group is not None
    assert (plan.group.sort, plan.group.minutes, plan.state) == ("recommend", 3, "open")
    assert called.facts["trials"] == sum(each.left_out is None for each in plan.group.trials) > 0
    assert (list(await workspace.runs.list()), list(await workspace.groups.latest())) == ([], [])


async def test_a_goal_that_there_is_none_of_is_refused(conversation: Conversation) -> None:
    called = await conversation.call("recommend_model", {"dataset": "oled", "goal": "beauty"}, "en")
    assert called.status != "done"
