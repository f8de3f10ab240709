"""What people say of judged pictures: kept with who said it, the last word counts, and what agreeing with it would cost is told."""

from uuid import uuid4

import pytest

from assistant.models.feedback import NotTaken
from assistant.models.serving.predictions import UnknownPrediction
from assistant.store.tables import PredictionRow
from assistant.workspace import Workspace
from tests.assistant.runs.test_thresholds import finished

pytestmark = pytest.mark.anyio


async def judged(workspace: Workspace, score: float, *, image: str | None = None, threshold: float | None = 0.5) -> str:
    row = PredictionRow(id=uuid4().hex, run="r1", name="a.png", image_sha256=image or uuid4().hex, verdict="good")
    row.score, row.threshold, row.found, row.who, row.home = score, threshold, {}, "line 3", workspace.runs.place.home
    async with workspace.database.session() as session:
        session.add(row)
    return row.id


async def test_a_good_part_that_is_flagged_is_taught_and_what_that_costs_is_told(workspace: Workspace) -> None:
    await finished(workspace)  # tested with a good picture at 0.2, defects at 0.9 and 0.1; the threshold is 0.5
    await workspace.models.feedback(await judged(workspace, 0.95), "good", who="Mina")
    await workspace.models.feedback(await judged(workspace, 0.3), "good", who="Mina")
    found = await workspace.models.reviewed("r1")
    assert (found.good, found.false_alarms, found.defective) == (2, 1, 0)
    (proposal,) = found.proposals
    assert (proposal.what, proposal.value, proposal.disagrees) == ("let_pass", 0.95, (0, 2))
    assert (proposal.now["missed"], proposal.then["missed"]) == (1, 2)
    assert (await workspace.runs.get("r1")).threshold is None  # nobody has set it


async def test_a_defect_that_passes_asks_for_a_stricter_one(workspace: Workspace) -> None:
    await finished(workspace)
    await workspace.models.feedback(await judged(workspace, 0.15), "defective", who="Mina")
    (proposal,) = (await workspace.models.reviewed("r1")).proposals
    assert proposal.what == "catch" and 0.149 < proposal.value < 0.15
    assert (proposal.now["false_alarms"], proposal.then["false_alarms"]) == (0, 1)


async def test_the_last_word_on_a_picture_counts_and_all_are_kept(workspace: Workspace) -> None:
    await finished(workspace)
    prediction = await judged(workspace, 0.95)
    for verdict, who in (("good", "Mina"), ("defective", "Jun")):
        await workspace.models.feedback(prediction, verdict, who=who)  # type: ignore[arg-type]
    said = await workspace.models.said_of(prediction)
    assert said is not None and (said.number, said.who) == (2, "Jun")
    found = await workspace.models.reviewed("r1")
    assert (found.good, found.defective, found.missed, found.proposals) == (0, 1, 0, [])


async def test_a_picture_that_was_judged_twice_counts_once(workspace: Workspace) -> None:
    await finished(workspace)
    for score in (0.7, 0.7):
        await workspace.models.feedback(await judged(workspace, score, image="same"), "good", who="Mina")
    assert (await workspace.models.reviewed("r1")).good == 1


async def test_what_there_is_not_and_what_knows_classes_takes_none(workspace: Workspace) -> None:
    await finished(workspace)
    with pytest.raises(UnknownPrediction):
        await workspace.models.feedback("nothing", "good", who="Mina")
    with pytest.raises(NotTaken):
        await workspace.models.feedback(await judged(workspace, 0.9, threshold=None), "good", who="Mina")
