"""Why one image was missed or flagged: the one that is named, or the one that was shown last; with the good patches it was compared with."""

from typing import Any

import pytest

from assistant.chat.conversation import Conversation
from assistant.frames import HeatmapsItem
from assistant.state import with_images
from assistant.workspace import Workspace
from engine.contract.jobs import make_job
from engine.contract.results.detect import Finding, FoundImage, Highest, Patch
from prompts.languages import Language
from tests import stored_runs

pytestmark = pytest.mark.anyio

MISSED = stored_runs.ROWS[2]  # test/scratch/c.png, 0.1 at a threshold of 0.5; the good one scores 0.2


async def finished(workspace: Workspace, *, with_finding: bool = True) -> None:
    row = await workspace.runs.add(make_job("detect", "oled", "patchcore"), data_path="/d")
    patches = [
        Patch(name=name, x=0.5, y=0.5, distance=far)
        for name, far in (("train/good/1.png", 2.5), ("train/good/7.png", 3.0))
    ]
    highest = Highest(x=200, y=20, score=0.1, nearest=patches)
    image = FoundImage.judged(MISSED.name, score=0.1, threshold=0.5, pixel_threshold=0.5, highest=highest)
    findings = {2: Finding(image=image, regions=[])} if with_finding else {}
    stored_runs.write_evaluation(workspace.runs.folder(row.id), findings=findings)
    await workspace.runs.claim_one(row.id)
    await workspace.runs.end(row.id, "succeeded", metrics={"missed": 1.0})


async def told(conversation: Conversation, language: Language = "en", **arguments: Any) -> dict[str, Any]:
    called = await conversation.call("explain_image", {"run": "r1", **arguments}, language)
    result: dict[str, Any] = dict(called.facts)
    return result


def text_of(result: dict[str, Any]) -> str:
    return " ".join(each["text"] for each in result["sentences"])


@pytest.mark.parametrize(("language", "place"), [("en", "upper right"), ("ko", "오른쪽 위"), ("zh", "右上")])
async def test_why_one_was_missed_is_told_with_where_and_which_good_images_it_is_like(
    workspace: Workspace, conversation: Conversation, language: Language, place: str
) -> None:
    await finished(workspace)
    result = await told(conversation, language, which="missed")
    text = text_of(result)
    assert result["image"] == MISSED.name
    assert all(
        each in text for each in ("0.100", "0.500", "0.400", place, "train/good/1.png", "train/good/7.png", "2.500")
    )
    shown = [item for _, _, item in await conversation.items() if isinstance(item, HeatmapsItem)]
    assert [each.name for each in shown[-1].images] == [MISSED.name]


async def test_what_finding_it_would_cost_and_how_its_type_fares_is_told(
    workspace: Workspace, conversation: Conversation
) -> None:
    await finished(workspace)
    text = text_of(await told(conversation, image="c"))
    assert "below 0.100: then 1 of 1 good test images would be called defective, now it is 0" in text
    assert "*scratch*: 1 of 2 found" in text


async def test_that_one_is_the_image_that_was_shown_last(workspace: Workspace, conversation: Conversation) -> None:
    await finished(workspace)
    await conversation.memory.change(lambda state: with_images(state, ["test/scratch/b.png", "test/good/a.png"]))
    assert (await told(conversation))["image"] == "test/scratch/b.png"
    assert (await told(conversation))["image"] == "test/scratch/b.png"  # and now it alone
    assert (await told(conversation, which="missed"))["image"] == MISSED.name  # none of those shown was missed
    await conversation.memory.change(lambda state: with_images(state, ["test/scratch/b.png", "test/good/a.png"]))
    assert (await told(conversation, position=-1))["image"] == "test/good/a.png"


async def test_a_run_of_an_older_version_says_that_it_kept_no_place(
    workspace: Workspace, conversation: Conversation
) -> None:
    await finished(workspace, with_finding=False)
    assert "the run is of an older version" in text_of(await told(conversation, image=2))
