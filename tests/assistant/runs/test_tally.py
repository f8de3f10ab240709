"""What the database counts of runs, the same on SQLite and PostgreSQL."""

from datetime import timedelta

import pytest
from sqlalchemy import update

from assistant.machine.masking import Mask
from assistant.runs.files import open_files
from assistant.runs.place import place_of
from assistant.runs.queue import Queue
from assistant.runs.tally import Tally, tally
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.store.tables import AttemptRow, RunRow, now
from engine.contract.jobs import make_job

pytestmark = pytest.mark.anyio


async def tally_after(settings: Settings, database: Database, *waits_s: float) -> Tally:
    """Runs that were started after these waits and ended after half an hour's work, one that waits on, and one that was deleted."""
    queue = Queue(settings, database, Mask([]), place_of(settings.home), open_files(settings))
    asked = now()
    for wait_s in waits_s:
        run = await queue.add(make_job("detect", "oled", "patchcore", {}), data_path="/data")
        await queue.claim_one(run.id)
        async with database.session() as session:
            started = asked + timedelta(seconds=wait_s)
            await session.execute(update(RunRow).where(RunRow.id == run.id).values(created_at=asked))
            first = update(AttemptRow).where(AttemptRow.run == run.id)
            await session.execute(first.values(submitted_at=started, state="ended", outcome="done"))
        await queue.end(run.id, "succeeded", worked_s=1800.0)
    await queue.write("r1", deleted_at=now())
    await queue.add(make_job("detect", "oled", "patchcore", {}), data_path="/data")
    return await tally(database)


async def test_runs_of_every_state_are_counted_none_where_there_is_none(settings: Settings, database: Database) -> None:
    counted = await tally_after(settings, database, 0.5)
    states = {(kind, state): count for kind, state, count in counted.states}
    assert (states["detect", "succeeded"], states["detect", "queued"]) == (1, 1)
    assert (dict(counted.attempts)["done"], dict(counted.attempts)["lost"]) == (1, 0)
    assert (states["detect", "failed"], states["classify", "running"]) == (0, 0)


async def test_waits_and_works_are_spread_over_their_bounds(settings: Settings, database: Database) -> None:
    counted = await tally_after(settings, database, 0.5, 40, 100_000)
    [wait], [work] = counted.waits, counted.works
    assert wait.labels == ("detect",)
    assert dict(wait.at_most)[1] == 1
    assert dict(wait.at_most)[60] == 2
    assert (wait.count, round(wait.sum_s, 1)) == (3, 100_040.5)
    assert work.labels == ("detect", "succeeded")
    assert (dict(work.at_most)[900], dict(work.at_most)[1800], work.sum_s) == (0, 3, 5400)
