"""The store over SQLite and PostgreSQL: migrations, conditional states, and many at once."""

import asyncio
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import JSON, create_engine, select, text, type_coerce
from sqlalchemy.exc import ProgrammingError

from assistant.machine.masking import Mask
from assistant.machine.troubles import DatabaseDamaged
from assistant.plans.plan import make_plan
from assistant.plans.proposals import Proposals, StalePlan
from assistant.runs.files import open_files
from assistant.runs.place import place_of
from assistant.runs.queue import Queue, UnknownRun
from assistant.settings import Settings
from assistant.store.database import Database, migrate
from assistant.store.tables import Base, DatasetRow
from engine.contract.data import DataFacts
from engine.contract.events import Stopped, read_events
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from engine.contract.jobs.detect import DetectJob
from tests.data_facts import facts

pytestmark = pytest.mark.anyio

FACTS = facts(train_good=60)


def spec() -> DetectJob:
    return make_job("detect", "oled", "patchcore", {})


def queue_of(settings: Settings, database: Database) -> Queue:
    return Queue(settings, database, Mask([]), place_of(settings.home), open_files(settings))


def test_the_migrations_make_exactly_the_tables_of_the_code(database_url: str) -> None:
    migrate(database_url)
    engine = create_engine(database_url.replace("+aiosqlite", ""))
    with engine.connect() as connection:
        differences = compare_metadata(
            MigrationContext.configure(connection, opts={"compare_type": True}), Base.metadata
        )
    engine.dispose()
    assert differences == []


async def test_a_queued_run_has_its_spec_on_disk(settings: Settings, database: Database) -> None:
    queue = queue_of(settings, database)
    run = await queue.add(spec(), data_path="/data")
    assert (run.id, run.state) == ("r1", "queued")
    assert RunFolder(queue.folder("r1")).read_job() == spec()


async def test_many_who_start_the_same_plan_start_one_run(settings: Settings, database: Database) -> None:
    queue = queue_of(settings, database)
    runs = await asyncio.gather(*(queue.add(spec(), data_path="/data", key="c/p1") for _ in range(8)))
    assert {run.id for run in runs} == {"r1"}


async def test_many_who_add_runs_get_numbers_of_their_own(settings: Settings, database: Database) -> None:
    queue = queue_of(settings, database)
    runs = await asyncio.gather(*(queue.add(spec(), data_path="/data") for _ in range(6)))
    assert sorted(run.id for run in runs) == [f"r{number}" for number in range(1, 7)]


async def test_run_folders_of_an_older_database_are_passed_over(settings: Settings, database: Database) -> None:
    (settings.runs_folder / "r7").mkdir(parents=True)
    run = await queue_of(settings, database).add(spec(), data_path="/data")
    assert run.id == "r8"


async def test_one_of_two_supervisors_claims_a_run(settings: Settings, database: Database) -> None:
    queue = queue_of(settings, database)
    await queue.add(spec(), data_path="/data")
    claimed = await asyncio.gather(*(queue.claim_one("r1") for _ in range(5)))
    assert [run.id for run in claimed if run] == ["r1"]


async def test_a_terminal_state_never_changes(settings: Settings, database: Database) -> None:
    queue = queue_of(settings, database)
    await queue.add(spec(), data_path="/data")
    await queue.claim_one("r1")
    assert await queue.end("r1", "failed", reason="killed")
    assert await queue.end("r1", "succeeded", metrics={}) is None
    await queue.stop("r1")
    assert ((await queue.get("r1")).state, (await queue.get("r1")).reason) == ("failed", "killed")


async def test_a_waiting_run_is_stopped_at_once_and_its_log_says_so(settings: Settings, database: Database) -> None:
    queue = queue_of(settings, database)
    await queue.add(spec(), data_path="/data")
    assert (await queue.stop("r1")).state == "stopped"
    assert [type(event) for event in read_events(queue.folder("r1"))] == [Stopped]
    assert await queue.claim_one("r1") is None
    assert await queue.waiting() == []


async def test_an_unknown_run_is_refused_with_the_latest_ones(settings: Settings, database: Database) -> None:
    queue = queue_of(settings, database)
    await queue.add(spec(), data_path="/data")
    assert (await queue.get(" R1 ")).id == "r1"
    assert (await queue.get("1")).id == "r1"
    with pytest.raises(UnknownRun, match=r"unknown run 'r7' \(latest: r1\)"):
        await queue.get("r7")


async def test_a_plan_is_approved_once_and_only_at_the_revision_that_was_seen(
    settings: Settings, database: Database
) -> None:
    proposals = Proposals(database)
    plan = make_plan(settings, FACTS, "patchcore", {}, [])
    row, _ = await proposals.add(plan, conversation=None)
    changed = make_plan(settings, FACTS, "patchcore", {"image_size": 512}, [])
    await proposals.revise(row.id, 1, changed)
    with pytest.raises(StalePlan):
        await proposals.approve(row.id, 1)
    outcomes = await asyncio.gather(*(proposals.approve(row.id, 2) for _ in range(4)), return_exceptions=True)
    assert sum(not isinstance(outcome, StalePlan) for outcome in outcomes) == 1


async def test_a_database_survives_being_closed_and_opened_again(
    tmp_path: Path, settings: Settings, database_url: str
) -> None:
    first = await Database.open(database_url)
    await queue_of(settings, first).add(spec(), data_path="/data")
    await first.close()
    second = await Database.open(database_url)
    assert [run.id for run in await queue_of(settings, second).list()] == ["r1"]
    await second.close()


async def test_the_facts_of_a_data_set_are_stored_as_they_were_told_and_those_of_other_versions_are_read(
    database: Database,
) -> None:
    of_another_version = {
        "layout": "mvtec",
        "path": "/data",
        "train_good": 30,
        "test_good": 0,
        "test_defective": 2,
        "notices": [{"code": "few_images", "message": "m"}],
        "of_a_newer_version": 1,
    }
    async with database.session() as session:
        row = DatasetRow(name="old", path="/data", origin="demo", layout="mvtec", images=[], stamp="s")
        row.facts = DataFacts.model_validate(of_another_version)
        session.add(row)
    async with database.reading() as session:
        told = (await session.scalars(select(type_coerce(DatasetRow.facts, JSON)))).one()
        read = (await session.scalars(select(DatasetRow))).one().facts
    assert told == of_another_version
    assert (read.train_good, read.left_out, read.notices[0].values) == (30, [], {})


async def test_a_statement_with_its_rows_is_one_visit_to_the_thread_of_a_sqlite_file(tmp_path: Path) -> None:
    database = await Database.open(f"sqlite+aiosqlite:///{tmp_path / 'murascope.db'}")
    visits: list[object] = []
    try:
        async with database.reading() as session:
            driver = (await (await session.connection()).get_raw_connection()).driver_connection
            assert driver is not None
            there = driver._execute
            driver._execute = lambda *work: visits.append(work) or there(*work)
            await session.execute(select(DatasetRow.name))
        spent = len(visits)
    finally:
        await database.close()

    assert spent == 1  # and none to end a transaction that nobody began


async def test_a_database_without_its_tables_is_damaged(database: Database) -> None:
    with pytest.raises(DatabaseDamaged if "sqlite" in str(database.engine.url) else ProgrammingError):
        async with database.reading() as session:
            await session.execute(text("SELECT * FROM gone"))
