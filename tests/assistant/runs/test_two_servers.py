"""Several servers of one home share its runs: each is worked on by the holder of its lease, and a holder that lost it changes nothing."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from assistant.runs import attempts, leases
from assistant.runs import queue as queues
from assistant.runs.executors import Exited, Lost, Running
from assistant.runs.last_word import end_of
from assistant.runs.leases import Leases
from assistant.runs.supervisor import Supervisor
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.store.tables import RunRow, now
from engine.contract.events import Epoch, Started, read_events
from engine.contract.folder import RunFolder
from engine.contract.jobs import make_job
from tests.scripted_runs import FINISH, START, Cluster, Scene, opened_scene
from tests.served_home import ServedHome, has_no_gap, soon

pytestmark = pytest.mark.anyio

LONG = {"image_size": 64, "epochs": 5000, "patience": 0, "device": "cpu"}
SHORT_LEASES = "from assistant.runs import leases; leases.LEASE_S, leases.RENEW_S = 2.0, 0.5\n"


@pytest.fixture
async def scene(settings: Settings, database_url: str) -> AsyncIterator[Scene]:
    async with opened_scene(settings.model_copy(update={"database": database_url}), retries=2) as opened:
        yield opened


def another(scene: Scene) -> Leases:
    return Leases(scene.database, scene.another_process())


async def claimed(scene: Scene, holder: Leases) -> RunRow:
    row = await scene.queue.claim_one(await scene.add(), by=holder.holder)
    assert row is not None
    return row


async def run_out(scene: Scene, row: RunRow) -> RunRow:
    async with scene.database.session() as session:
        await session.execute(update(RunRow).values(held_until=now() - timedelta(hours=1)))
    return await scene.queue.get(row.id)


async def test_two_servers_run_no_more_at_the_same_time_than_there_are_slots(scene: Scene) -> None:
    scene.executor.script = f"{START}\ntime.sleep(0.1)\n{FINISH}"
    runs, most = [await scene.add() for _ in range(4)], 0
    rows = await scene.queue.list()
    async with scene.supervisor.working(), scene.another_server().working():
        while not all(row.state == "succeeded" for row in rows):
            rows = await scene.queue.list()
            most = max(most, sum(row.state == "running" for row in rows))
            scene.queue.added.set()  # both look at the same moment
            await asyncio.sleep(0.01)
    assert most == 1
    assert sorted(row.id for row in scene.ended) == runs
    assert {(row.attempts, row.held_by) for row in rows} == {(1, None)}


async def test_two_claims_at_the_same_moment_do_not_both_find_the_last_place_free(scene: Scene) -> None:
    for _ in range(5):
        first, second = await scene.add(), await scene.add()
        won = await asyncio.gather(*(scene.queue.claim_one(run, slots=1) for run in (first, second)))
        assert sum(row is not None for row in won) == 1
        for row in won:
            if row is not None:
                await scene.queue.end(row.id, "stopped")


async def test_a_lease_is_taken_only_when_its_holder_is_gone_or_its_time_is_over(scene: Scene) -> None:
    first, second, third = another(scene), another(scene), another(scene)
    row = await claimed(scene, first)
    assert not await second.take(row)
    scene.marks[-3].give_up()  # its process was killed
    assert await second.take(row)
    row = await scene.queue.get(row.id)
    assert not await third.take(row)
    await run_out(scene, row)
    assert await third.take(row)
    assert not await second.holds(row.id)
    assert await third.holds(row.id)
    scene.marks.pop(-3)


async def test_of_several_that_take_a_lease_at_once_one_gets_it(scene: Scene) -> None:
    first, *others = [another(scene) for _ in range(5)]
    row = await claimed(scene, first)
    await run_out(scene, row)
    assert sum(await asyncio.gather(*(each.take(row) for each in others))) == 1


async def test_who_renews_keeps_a_lease_and_who_closes_gives_it_up(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(leases, "RENEW_S", 0.05)
    first, second = another(scene), another(scene)
    row = await run_out(scene, await claimed(scene, first))
    async with first.renewing():
        while (await scene.queue.get(row.id)).held_until == row.held_until:
            await asyncio.sleep(0.02)
        assert not await second.take(row)
    assert await second.take(await scene.queue.get(row.id))


async def test_who_lost_the_lease_neither_submits_nor_judges_nor_ends(scene: Scene) -> None:
    cluster, late, holder = Cluster(), another(scene), another(scene)
    server = Supervisor(
        scene.queue, scene.attempts, late, lambda name: cluster, scene.settings, ended=scene.ended.append
    )
    row = await claimed(scene, late)
    attempt = await scene.attempts.latest(row)
    assert attempt is not None
    await run_out(scene, row)
    assert await holder.take(row)
    await server._submit(cluster, row)
    await server._end(cluster, attempt, "silent")
    assert (cluster.submitted, cluster.cancelled) == ([], [])
    for status in (Exited(-9), Lost("its node is dead"), Running()):
        cluster.now = status
        assert await server._is_over(row.id)
    for again_after in (None, timedelta(0)):
        over = end_of("lost")
        assert await scene.queue.conclude(row, over, by=late.holder, printed=[], again_after=again_after) is None
    await scene.queue.unclaim(row, by=late.holder)
    kept = await scene.queue.get(row.id)
    assert (kept.state, kept.attempts, kept.held_by) == ("running", 1, holder.holder)
    attempt = await scene.attempts.latest(row)
    assert attempt is not None and (attempt.given_up_at, attempt.outcome) == (None, None)
    assert read_events(scene.queue.folder(row.id)) == []


async def test_an_end_whose_log_is_written_while_the_lease_is_lost_is_noted_by_the_new_holder(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    late, holder = another(scene), another(scene)
    row = await claimed(scene, late)
    says = scene.queue._say_end

    def lost_meanwhile(*arguments: Any) -> Any:
        end = says(*arguments)
        asyncio.run_coroutine_threadsafe(take_over(), loop).result()
        return end

    async def take_over() -> None:
        await run_out(scene, row)
        assert await holder.take(row)

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(scene.queue, "_say_end", lost_meanwhile)
    over = end_of("exited", 7)
    assert await scene.queue.conclude(row, over, by=late.holder, printed=[], again_after=None) is None
    monkeypatch.undo()
    ended = await scene.queue.conclude(row, end_of("lost"), by=holder.holder, printed=[], again_after=None)
    assert ended is not None and "exit code 7" in (ended.reason or "")
    assert len(read_events(scene.queue.folder(row.id))) == 1


async def test_clocks_that_are_apart_start_nothing_early_and_take_nobody_for_silent(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = another(scene)
    row = await claimed(scene, holder)
    again = await scene.queue.conclude(
        row, end_of("lost"), by=holder.holder, printed=[], again_after=timedelta(hours=1)
    )
    monkeypatch.setattr(queues, "now", lambda: now() + timedelta(days=1))
    assert again is not None and not await scene.queue.may_start(again)
    assert await scene.queue.claim_one(row.id) is None
    running = await claimed(scene, holder)
    monkeypatch.setattr(attempts, "now", lambda: now() - timedelta(days=1))  # as another server's clock has it
    attempt = await scene.attempts.heard(running.id, 1, node="node-2")
    assert attempt is not None
    assert scene.supervisor._silent_for(attempt) == 0
    assert 0 <= scene.supervisor._silent_for(attempt) < 5


async def test_a_run_that_computes_on_another_machine_is_left_to_it(scene: Scene) -> None:
    scene.executor.script = f"{START}\ntime.sleep(60)"
    run = await scene.add()
    async with scene.supervisor.working():
        await scene.first_event(run)
    lock = RunFolder(scene.queue.folder(run)).lock
    noted = lock.read_text()
    lock.write_text(noted.replace(noted.split()[3], "another-boot"))
    server = scene.another_server()
    await server._look()
    assert (await scene.queue.get(run)).held_by is None
    lock.write_text(noted)
    async with server.working():
        await scene.queue.stop(run)
        assert (await scene.state_becomes(run, "stopped", "failed")).state == "stopped"


async def test_servers_that_start_at_once_on_an_empty_database_make_it_once(database_url: str) -> None:
    opened = await asyncio.gather(*(Database.open(database_url) for _ in range(3)))
    for each in opened:
        await each.check()
        await each.close()


def held_by(server: ServedHome, run: str) -> str | None:
    async def ask() -> str | None:
        database = await Database.open(Settings(home=server.home, **server.settings).database_url)
        async with database.reading() as session:
            found = await session.get(RunRow, run)
        await database.close()
        return found.held_by if found is not None else None

    return asyncio.run(ask())


def works(server: ServedHome, mark: str | None) -> bool:
    """Whether that mark is the server's: it has the locked file open."""
    assert server.server is not None
    name = f"{(mark or '?').rpartition(':')[2]}.lock"
    open_files = Path(f"/proc/{server.server.pid}/fd").iterdir()
    return any(os.readlink(each).endswith(name) for each in open_files if each.is_symlink())


@pytest.mark.parametrize("database_url", ["postgresql"], indirect=True)
def test_of_two_servers_one_takes_over_when_the_other_stands_still_or_is_killed(
    tmp_path: Path, database_url: str, panels: Path
) -> None:
    serve = f"{SHORT_LEASES}from assistant.cli import main; main()"
    told = {"database": database_url}
    pair = [ServedHome(tmp_path / "home", panels, settings=told, serve=serve) for _ in range(2)]
    try:
        for each in pair:
            each.start()
        run = pair[0].add(make_job("detect", "panels", "autoencoder", LONG))
        soon(lambda: any(isinstance(event, Epoch) for event in read_events(run.path)))
        first, second = pair if works(pair[0], held_by(pair[0], run.id)) else pair[::-1]
        assert first.server is not None
        first.server.send_signal(signal.SIGSTOP)
        soon(lambda: works(second, held_by(second, run.id)))
        first.server.send_signal(signal.SIGCONT)
        soon(lambda: first.ask("GET", "/health")[0] == 200)
        assert works(second, held_by(second, run.id))  # the other one was late, and leaves it alone
        second.kill()
        soon(lambda: works(first, held_by(first, run.id)))
        first.stop(run.id)
        assert first.end(run.id)["state"] == "stopped"
        assert sum(isinstance(event, Started) for event in read_events(run.path)) == 1
        assert has_no_gap(run)
        assert [path.name for path in run.attempts.glob("*.json")] == ["1.json"]
    finally:
        for each in pair:
            if each.server is not None:
                each.server.send_signal(signal.SIGCONT)
            each.close()
