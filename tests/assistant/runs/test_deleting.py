"""A deleted run is in no list, comes back whole while its files are there, and what something needs is kept."""

import pytest
from sqlalchemy import update

from assistant.machine.masking import Mask
from assistant.runs.deleting import NotRestored, RunKept, delete, remove_old, restore
from assistant.runs.files import open_files
from assistant.runs.place import place_of
from assistant.runs.queue import DeletedRun, Queue
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.store.tables import GroupRow, RunRow
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job

pytestmark = pytest.mark.anyio


@pytest.fixture
def queue(settings: Settings, database: Database) -> Queue:
    return Queue(settings, database, Mask([]), place_of(settings.home), open_files(settings))


async def finished(queue: Queue, model: str = "patchcore", **chosen: object) -> RunRow:
    row = await queue.add(make_job("detect", "oled", model, chosen), data_path="/data")
    await queue.claim_one(row.id)
    ended = await queue.end(row.id, "succeeded", metrics={"image_auroc": 0.9})
    assert ended is not None
    return ended


async def test_a_deleted_run_is_nowhere_and_comes_back_whole(queue: Queue) -> None:
    row = await finished(queue)
    await queue.write(row.id, name="the good one", note="line 3", tags=["mura"])
    await delete(queue, await queue.get("r1"))
    assert (await queue.list(), await queue.some(["r1"])) == ([], [])
    with pytest.raises(DeletedRun, match="murascope restore r1"):
        await queue.get("r1")
    await restore(queue, await queue.get("r1", also_deleted=True))
    back = await queue.get("r1")
    assert (back.name, back.note, back.tags, back.metrics) == ("the good one", "line 3", ["mura"], row.metrics)
    assert [each.id for each in await queue.list()] == ["r1"]
    assert RunFolder(queue.folder("r1")).spec.is_file()


async def test_a_run_that_has_not_ended_is_kept(queue: Queue) -> None:
    row = await queue.add(make_job("detect", "oled", "patchcore", {}), data_path="/data")
    with pytest.raises(RunKept, match="stop it first") as kept:
        await delete(queue, row)
    assert (kept.value.code, (await queue.get("r1")).deleted_at) == ("run_under_way", None)


async def test_a_member_of_an_ensemble_and_a_run_whose_backbone_was_taken_are_kept(queue: Queue) -> None:
    for _ in range(3):
        await finished(queue)
    await finished(queue, "ensemble", members=["r1", "r2"])
    await finished(queue, "padim", backbone_run="r3", backbone="resnet18")
    for run, by in (("r1", "r4"), ("r2", "r4"), ("r3", "r5")):
        with pytest.raises(RunKept, match=by):
            await delete(queue, await queue.get(run))
    await delete(queue, await queue.get("r4"))
    await delete(queue, await queue.get("r1"))
    assert [row.id for row in await queue.list()] == ["r5", "r3", "r2"]


async def test_files_go_when_the_days_are_over_and_nothing_brings_the_run_back(queue: Queue) -> None:
    await finished(queue)
    await delete(queue, await queue.get("r1"))
    assert await remove_old(queue, keep_days=7) == []
    assert queue.folder("r1").is_dir()
    assert await remove_old(queue, keep_days=0) == ["r1"]
    assert (queue.folder("r1").exists(), await queue.deleted()) == (False, [])
    with pytest.raises(NotRestored):
        await restore(queue, await queue.get("r1", also_deleted=True))
    assert (await finished(queue)).id == "r2"  # a number is never given twice


async def test_files_of_a_member_stay_while_its_ensemble_is_there(queue: Queue) -> None:
    for _ in range(2):
        await finished(queue)
    await finished(queue, "ensemble", members=["r1", "r2"])
    await delete(queue, await queue.get("r3"))
    await delete(queue, await queue.get("r1"))
    await restore(queue, await queue.get("r3", also_deleted=True))
    assert await remove_old(queue, keep_days=0) == []
    assert queue.folder("r1").is_dir()


async def test_a_run_of_a_group_that_goes_on_is_kept(queue: Queue, database: Database) -> None:
    await finished(queue)
    group = {"sort": "sweep", "home": queue.place.home, "dataset": "oled", "subject": "patchcore", "plan": {}}
    async with database.session() as session:
        session.add(GroupRow(id="g1", number=1, **group))
    with pytest.raises(RunKept, match="belongs to group g1"):
        await delete(queue, await queue.write("r1", group="g1"))
    async with database.session() as session:
        await session.execute(update(GroupRow).values(ended="finished"))
    assert (await delete(queue, await queue.get("r1"))).deleted_at is not None
