"""What a summary proposes to do next stands below it as buttons: one that is pressed does exactly that."""

import pytest

from assistant.chat.conversation import Conversation
from assistant.frames import AssistantItem, ChoicesItem, ToolItem
from assistant.store.tables import RunRow
from assistant.workspace import Workspace
from engine.contract.events import Finished, Started
from engine.contract.jobs import make_job
from engine.contract.results.detect import DetectResults
from engine.report import EventLog
from tests import stored_runs
from tests.talk import say
from tests.told_runs import inspected

pytestmark = pytest.mark.anyio

WORSE = inspected({"mura": (8, 8), "dust": (2, 12)}, good=20, alarms=1)
BETTER = inspected({"mura": (1, 8), "dust": (2, 12)}, good=20, alarms=1)


async def finished(
    workspace: Workspace, conversation: str, results: DetectResults, *, data: str = "f", image_size: int = 256
) -> RunRow:
    """A run on these data that ended well and left these results."""
    job = make_job("detect", "oled", "patchcore", {"image_size": image_size})
    row = await workspace.runs.add(job, data_path="/d", conversation=conversation, fingerprint=data)
    folder = workspace.runs.folder(row.id)
    log = EventLog(folder)
    log.append(Started(model="patchcore", dataset="oled"))
    stored_runs.write_evaluation(folder, results)
    log.append(Finished(metrics=results.metrics.metrics, seconds={"total": 1.0}))
    log.close()
    await workspace.runs.claim_one(row.id)
    await workspace.runs.end(row.id, "succeeded", metrics=results.metrics.metrics)
    return await workspace.runs.get(row.id)


async def offered(conversation: Conversation) -> list[ChoicesItem]:
    return [item for _, _, item in await conversation.items() if isinstance(item, ChoicesItem) and item.offered]


async def test_a_run_that_ends_is_told_with_the_run_that_found_the_worst_type_better_as_buttons(
    workspace: Workspace, conversation: Conversation
) -> None:
    await finished(workspace, conversation.id, BETTER, image_size=128)
    await conversation.tell_end_of(await finished(workspace, conversation.id, WORSE))
    (told,) = [item.text for _, _, item in await conversation.items() if isinstance(item, AssistantItem)]
    assert told.startswith("**Serious failure:** **r2** missed every single image with *mura* (8 of 8).")
    assert "**r1** (PatchCore, Image size (px) 128) missed 1 of the same images" in told
    (buttons,) = await offered(conversation)
    assert buttons.choices == ["Compare r2, r1", "Train like r2, but with Image size (px) 128"]
    await say(conversation, "how long did it take")  # they stay meanwhile
    assert (await offered(conversation))[0].state == "open"
    items = await say(conversation, buttons.choices[0])
    (tool,) = [item for item in items if isinstance(item, ToolItem)][-1:]
    assert (tool.tool, tool.arguments) == ("compare_runs", {"runs": ["r2", "r1"]})
    taken = (await offered(conversation))[0]
    assert (taken.state, taken.chosen) == ("settled", "Compare r2, r1")


async def test_a_run_on_other_images_is_no_evidence(workspace: Workspace, conversation: Conversation) -> None:
    await finished(workspace, conversation.id, BETTER, data="other", image_size=128)
    await conversation.tell_end_of(await finished(workspace, conversation.id, WORSE))
    (told,) = [item.text for _, _, item in await conversation.items() if isinstance(item, AssistantItem)]
    assert "r1" not in told
