"""What is on record of judged pictures, by the model that a reference meant when they were asked, and which of their files are kept."""

import asyncio
import os
from pathlib import Path

import pytest

from assistant.models.facts import VersionFacts
from assistant.models.serving import old_predictions, predictions
from assistant.models.serving.kept_pictures import KeptPictures, new_id
from assistant.models.serving.pool import Picture
from assistant.models.serving.predictions import UnknownPrediction, Wanted
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.store.tables import FeedbackRow, PredictionRow
from assistant.workspace import Workspace
from tests.served_models import finished, put_programs_in_place_of_models

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def programs_for_models(monkeypatch: pytest.MonkeyPatch) -> None:
    put_programs_in_place_of_models(monkeypatch)


async def promote(workspace: Workspace, run: str) -> None:
    """The run's model, as the champion of `line`."""
    registry = workspace.models.registry
    found = await registry.register("line", await workspace.runs.get(run), facts=VersionFacts(), who="mina")
    model = await registry.get("line")
    await registry.promote("line", found.row.version, seen=model.row.revision, who="mina", told={})


async def test_promotion_swaps_the_model_behind_a_name_and_drops_nothing(workspace: Workspace) -> None:
    first, second = (await finished(workspace)).id, (await finished(workspace)).id
    await promote(workspace, first)
    slow = [Picture(f"slow {number}", b"abc") for number in range(10)]
    before = asyncio.create_task(workspace.predictions.predict("line@champion", slow, who="test"))
    while not workspace.predictions.pool.workers():
        await asyncio.sleep(0.01)
    await promote(workspace, second)
    after = await workspace.predictions.predict("line@champion", [Picture("a", b"abc")], who="test")
    assert [each["verdict"] for each in (await before).pictures] == [first] * 10
    assert [each["verdict"] for each in after.pictures] == [second]
    assert (after.model["label"], after.model["run"]) == ("line@2", second)
    rows, count = await workspace.predictions.find(Wanted(model="line"))
    assert count == 11
    assert {(row.run, row.version) for row in rows} == {(first, 1), (second, 2)}
    old = await workspace.predictions.predict("line@1", [Picture("a", b"abc")], who="test")
    assert old.pictures[0]["verdict"] == first


async def test_what_was_not_judged_is_told_and_not_on_record(workspace: Workspace) -> None:
    run = (await finished(workspace)).id
    asked = [Picture("a", b"abc"), Picture("b", b"half"), Picture("poison", b"abc")]
    told = await workspace.predictions.predict(run, asked, who="test")
    assert [sorted({"broken", "failed", "verdict"} & each.keys()) for each in told.pictures] == [
        ["verdict"],
        ["broken"],
        ["failed"],
    ]
    assert [row.name for row in (await workspace.predictions.find(Wanted(run=run)))[0]] == ["a"]
    with pytest.raises(UnknownPrediction):
        await workspace.predictions.get("none")


async def test_names_are_kept_as_one_line_of_what_can_be_seen(workspace: Workspace) -> None:
    run = (await finished(workspace)).id
    told = await workspace.predictions.predict(run, [Picture("a\n\x00b" + "c" * 500, b"abc")], who="x\ny" * 50)
    row = await workspace.predictions.get(told.pictures[0]["id"])
    assert row.name.startswith("a bccc") and len(row.name) == 400
    assert row.who.startswith("x yx y") and len(row.who) <= 80


async def test_the_oldest_heatmaps_are_dropped_first_and_no_more_than_need_be(tmp_path: Path) -> None:
    kept = KeptPictures(Settings(home=tmp_path, predictions_gb=3500 / 2**30))
    ids = sorted(f"{number:03}{new_id()[3:]}" for number in range(5))
    for stem in await kept.stems(ids):
        Path(f"{stem}heatmap.jpg").write_bytes(b"x" * 1000)
    await kept.tidy()
    assert [kept.path(each, "heatmap.jpg").exists() for each in ids] == [False, False, True, True, True]
    assert len(os.listdir(tmp_path / "predictions")) == 3


async def test_old_predictions_are_dropped_but_none_with_feedback(workspace: Workspace) -> None:
    run, home = (await finished(workspace)).id, workspace.runs.place.home
    ids = [f"{number:04}{new_id()[4:]}" for number in range(2 * old_predictions.BATCH + 30)]
    empty = {"run": run, "name": "a", "image_sha256": "a", "verdict": "good", "found": {}, "who": "test"}
    async with workspace.database.session() as session:
        session.add_all(PredictionRow(id=each, home=home, **empty) for each in ids)
        session.add(PredictionRow(id="0", home="another", **empty))
        await session.flush()
        session.add(FeedbackRow(prediction=ids[7], number=1, verdict="good", who="Mina"))
    assert await old_predictions.drop_old(workspace.database, home=home, most=10) == len(ids) - 11
    rows, count = await workspace.predictions.find(Wanted(run=run), most=100)
    assert [row.id for row in rows] == [*reversed(ids[-10:]), ids[7], "0"] and count == 12
    assert await old_predictions.drop_old(workspace.database, home=home, most=10) == 0


async def test_the_predictions_of_a_home_are_looked_through_now_and_then(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked = asyncio.Event()

    async def drop_old(database: Database, *, home: str, most: int) -> int:
        looked.set()
        return most

    monkeypatch.setattr(predictions, "drop_old", drop_old)
    await workspace.predictions.predict((await finished(workspace)).id, [Picture("a", b"abc")], who="test")
    await asyncio.wait_for(looked.wait(), 5)
