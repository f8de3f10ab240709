"""Two servers with homes of their own work on one database: each runs what it was asked for, and leaves the runs of the other alone."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast, get_args

import pytest
from sqlalchemy import update

from assistant.offline.words import built_in_words
from assistant.runs.continuing import what_is_left
from assistant.runs.executors import Running
from assistant.runs.place import RunElsewhere, place_of
from assistant.settings import Settings
from assistant.store.tables import RunRow
from assistant.tools.run_status import run_status
from assistant.workspace import Workspace
from engine.contract.events import read_events
from engine.contract.folder import RunFolder
from engine.contract.jobs import Job, make_job
from prompts.languages import Language

pytestmark = pytest.mark.anyio

SMALL = {"image_size": 64, "device": "cpu"}
LONG = {**SMALL, "epochs": 5000}
Homes = tuple[Workspace, Workspace]


@pytest.fixture
async def homes(tmp_path: Path, database_url: str) -> AsyncIterator[Homes]:
    one, two = (Settings(home=tmp_path / name, database=database_url) for name in ("one", "two"))
    async with Workspace.open(one) as first, Workspace.open(two) as second:
        yield first, second


def job(settings: dict[str, object] = SMALL) -> Job:
    return make_job("detect", "panels", "autoencoder", settings)


async def short(workspace: Workspace, panels: Path) -> RunRow:
    """A run that ends as soon as its process has read the spec, which is not the approved one."""
    row = await workspace.runs.add(job(), data_path=str(panels))
    path = RunFolder(workspace.runs.folder_of(row)).spec
    path.write_text(json.dumps({**json.loads(path.read_text()), "seed": 5}))
    return row


async def becomes(workspace: Workspace, row: RunRow, *states: str) -> RunRow:
    for _ in range(1200):
        if (now := await workspace.runs.get(row.id)).state in states:
            return now
        await asyncio.sleep(0.1)
    raise AssertionError(f"{row.id} is still {now.state}")


async def test_each_run_runs_once_and_where_it_was_asked_for(homes: Homes, panels: Path) -> None:
    one, two = homes
    asked = [(home, await short(home, panels)) for home in (one, two, one, two)]
    assert [row.id for _, row in asked] == ["r1", "r2", "r3", "r4"]
    async with one.working(), two.working():
        for home, row in asked:
            ended = await becomes(home, row, "failed", "succeeded", "stopped")
            assert (ended.attempts, ended.home) == (1, home.runs.place.home)
            assert "not those that were approved" in (ended.reason or "")
            assert [event.seq for event in read_events(home.runs.folder_of(row))] == [1]
    for home, other in (homes, homes[::-1]):
        assert sorted(path.name for path in home.settings.runs_folder.iterdir()) == [
            row.id for at, row in asked if at is not other
        ]


async def test_a_server_sees_what_waits_and_runs_in_its_own_home_alone(homes: Homes, panels: Path) -> None:
    one, two = homes
    asked = [await short(home, panels) for home in (one, two, one, two)]
    await one.runs.claim_one(asked[0].id)
    await two.runs.claim_one(asked[1].id)
    for home, running, waiting in ((one, asked[0], asked[2]), (two, asked[1], asked[3])):
        assert [row.id for row in await home.runs.running()] == [running.id]
        assert [row.id for row in await home.runs.waiting()] == [waiting.id]


async def test_a_stop_asked_for_in_another_home_is_carried_out_by_the_runs_own(homes: Homes, panels: Path) -> None:
    one, two = homes
    row = await one.runs.add(job(LONG), data_path=str(panels))
    async with one.working(), two.working():
        while len(read_events(one.runs.folder_of(row))) < 2:
            await asyncio.sleep(0.1)
        assert (await two.runs.get(row.id)).state == "running"
        assert isinstance(await one.executor("local").status(f"{row.id}-a1"), Running)
        assert (await two.runs.stop(row.id)).stop_requested
        assert (await becomes(two, row, "stopped", "failed")).state == "stopped"
    assert not two.runs.folder(row.id).exists()


async def test_what_lies_in_another_home_is_refused_by_the_name_of_its_machine(homes: Homes, panels: Path) -> None:
    one, two = homes
    row = await short(one, panels)
    await one.runs.claim_one(row.id)
    ended = await one.runs.end(row.id, "failed", reason="it was cut off", hint="again")
    assert ended is not None
    assert [each.id for each in await two.runs.list()] == [row.id]
    with pytest.raises(RunElsewhere, match=f"on {one.runs.place.host}"):
        two.runs.folder_of(ended)
    with pytest.raises(RunElsewhere):
        await anext(two.runs.follow(row.id))
    with pytest.raises(RunElsewhere, match=one.runs.place.host):
        await two.continue_run(row.id)
    assert await what_is_left(two.runs, ended) is None


async def test_runs_of_an_older_version_belong_to_the_home_that_holds_their_folders(homes: Homes, panels: Path) -> None:
    one, two = homes
    rows = [await short(home, panels) for home in (one, two)]
    async with one.database.session() as session:
        await session.execute(update(RunRow).values(home=None, host=None))
    await one.runs.adopt()
    assert [(await one.runs.get(row.id)).home for row in rows] == [one.runs.place.home, None]
    await two.runs.adopt()
    assert (await one.runs.get(rows[1].id)).home == two.runs.place.home


async def test_a_run_of_which_nobody_has_the_folder_can_be_ended_from_anywhere(homes: Homes, panels: Path) -> None:
    one, two = homes
    row = await short(one, panels)
    await one.runs.claim_one(row.id)
    async with one.database.session() as session:
        await session.execute(update(RunRow).values(home=None, host=None))
    async with two.working():
        await two.runs.stop(row.id)
        assert (await becomes(two, row, "stopped", "failed")).state == "stopped"


def test_a_home_keeps_its_id_and_no_two_have_the_same(tmp_path: Path) -> None:
    first = place_of(tmp_path / "one")
    (tmp_path / "one").rename(tmp_path / "moved")
    assert place_of(tmp_path / "moved").home == first.home
    assert place_of(tmp_path / "two").home != first.home


async def test_how_far_a_run_of_another_home_is_is_told_by_the_name_of_its_machine(homes: Homes, panels: Path) -> None:
    one, two = homes
    row = await short(one, panels)

    async def asked(run: str | None, *, rather: object) -> RunRow:
        return await two.runs.get(row.id)

    async def no_group(run: str | None) -> None:
        return None

    for language in get_args(Language):
        desk: Any = SimpleNamespace(run=asked, group=no_group, runs=two.runs, attempts=two.attempts, language=language)
        facts = await run_status(cast(Any, SimpleNamespace(deps=desk)), row.id)
        assert (facts["run"], facts["state"], facts["host"]) == (row.id, "queued", one.runs.place.host)
        assert one.runs.place.host in built_in_words("result", language, facts, tool="run_status")
