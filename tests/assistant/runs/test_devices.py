"""Each GPU takes so many runs at a time, and the CPU beside them; GPUs are named, for nothing here needs one."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import event, insert, update

from assistant.runs.devices import devices_for, name_of_gpu
from assistant.runs.standing import standing_of
from assistant.settings import Settings
from assistant.store.tables import AttemptRow, RunRow
from tests.scripted_runs import FINISH, START, Scene, opened_scene
from tests.trainers import visible_to

pytestmark = pytest.mark.anyio

GPUS = ("0", "1")
GOES = f"{START}\nwhile not (run / 'go').exists(): time.sleep(0.02)\n{FINISH}"


@pytest.fixture
async def scene(settings: Settings) -> AsyncIterator[Scene]:
    async with opened_scene(settings.model_copy(update={"gpus": "0,1"})) as opened:
        opened.executor.script = GOES
        yield opened
        for run in opened.files.runs():
            (opened.queue.folder(run) / "go").touch()


@pytest.fixture
async def stored(settings: Settings, database_url: str) -> AsyncIterator[Scene]:
    """Over each kind of database; nothing is started."""
    told = {"gpus": "0,1", "database": database_url}
    async with opened_scene(settings.model_copy(update=told)) as opened:
        yield opened


async def begun(scene: Scene, run: str) -> None:
    await scene.state_becomes(run, "running")
    await scene.first_event(run)


async def taken(scene: Scene) -> dict[str, str | None]:
    return {each.run: each.device for each in await scene.queue.placed()}


async def claimed(scene: Scene, run: str, *, slots: int = 1) -> bool:
    return await scene.queue.claim_one(run, slots=slots, among=GPUS) is not None


async def test_each_gpu_takes_one_training_and_the_cpu_another_beside_them(scene: Scene) -> None:
    first, second, third = [await scene.add() for _ in range(3)]
    on_cpu = await scene.add(device="cpu")
    async with scene.supervisor.working():
        for run in (first, second, on_cpu):
            await begun(scene, run)
        told = {run: visible_to(scene.queue.folder(run)) for run in (first, second, on_cpu)}
        assert told == {first: "0", second: "1", on_cpu: None}
        assert await taken(scene) == {first: "0", second: "1", on_cpu: "cpu"}
        await scene.supervisor._look()
        standing = await standing_of(scene.queue, scene.attempts, await scene.queue.get(third))
        assert (standing.why, standing.ahead, standing.device) == ("slot", [first, second], None)
        for run in (first, second, third, on_cpu):
            (scene.queue.folder(run) / "go").touch()
        for run in (first, second, third, on_cpu):
            assert (await scene.state_becomes(run, "succeeded", "failed")).state == "succeeded"
    [attempt] = await scene.attempts.of(third)
    assert attempt.device in GPUS


async def test_a_server_that_starts_anew_keeps_the_places(scene: Scene) -> None:
    first, second, third = [await scene.add() for _ in range(3)]
    async with scene.supervisor.working():
        for run in (first, second):
            await begun(scene, run)
    server = scene.another_server()
    await server._look()
    assert await taken(scene) == {first: "0", second: "1"}
    async with server.working():
        (scene.queue.folder(second) / "go").touch()
        await begun(scene, third)
        assert await taken(scene) == {first: "0", third: "1"}
        for run in (first, third):
            (scene.queue.folder(run) / "go").touch()
            assert (await scene.state_becomes(run, "succeeded", "failed")).attempts == 1


async def test_a_run_that_was_claimed_by_a_killed_server_is_started_on_its_gpu(scene: Scene) -> None:
    run = await scene.add()
    assert await scene.queue.claim_one(run, among=GPUS[1:]) is not None
    async with scene.supervisor.working():
        await begun(scene, run)
        assert visible_to(scene.queue.folder(run)) == "1"
        (scene.queue.folder(run) / "go").touch()
        await scene.state_becomes(run, "succeeded", "failed")


async def test_servers_that_claim_at_the_same_moment_fill_each_gpu_once(stored: Scene) -> None:
    for slots in (1, 2):
        runs = [await stored.add() for _ in range(6)]
        won = await asyncio.gather(*(claimed(stored, run, slots=slots) for run in runs))
        assert sum(won) == 2  # two more with the second place of each
        assert sorted(device or "?" for device in (await taken(stored)).values()) == sorted(GPUS * slots)


async def test_a_run_waits_for_those_alone_that_take_or_want_its_devices(stored: Scene) -> None:
    first, second = await stored.add(), await stored.add(device="cuda")
    third, on_cpu, next_on_cpu = await stored.add(), await stored.add(device="cpu"), await stored.add(device="cpu")

    async def ahead(run: str) -> list[str]:
        return [*await stored.queue.waits_for(await stored.queue.get(run))]

    assert (await ahead(second), await ahead(third)) == ([], [first, second])
    assert await claimed(stored, first) and await claimed(stored, second)
    assert (await ahead(third), await ahead(on_cpu)) == ([first, second], [])
    assert await ahead(next_on_cpu) == [on_cpu]
    assert await stored.queue.claim_one(on_cpu, slots=1, among=["cpu"]) is not None
    assert (await ahead(next_on_cpu), await ahead(third)) == ([on_cpu], [first, second])


async def test_a_gpu_of_another_machine_that_shares_the_home_is_another_gpu(scene: Scene) -> None:
    runs, here = [await scene.add() for _ in range(4)], scene.queue.place
    assert [await claimed(scene, run) for run in runs[:3]] == [True, True, False]
    scene.queue.place = dataclasses.replace(here, machine="another boot")
    assert await taken(scene) == {}
    assert await claimed(scene, runs[2])
    assert await taken(scene) == {runs[2]: "0"}


async def test_a_run_whose_device_nobody_noted_counts_on_each(scene: Scene) -> None:
    older, next_one = await scene.add(), await scene.add()
    assert await claimed(scene, older)
    async with scene.database.session() as session:
        await session.execute(update(AttemptRow).values(device=None, machine=None))
    assert not await claimed(scene, next_one)
    assert await claimed(scene, next_one, slots=2)


async def test_a_long_queue_costs_no_query_for_each_run_that_waits(scene: Scene) -> None:
    running, waits = [await scene.add() for _ in range(2)], await scene.add()
    for run in running:
        assert await scene.queue.claim_one(run, by=scene.another_process().name, among=GPUS, slots=1) is not None
    row = await scene.queue.get(waits)
    like_it = {each.name: getattr(row, each.key) for each in RunRow.__mapper__.column_attrs for each in each.columns}
    more = [{**like_it, "id": f"r{number}", "number": number} for number in range(10, 510)]
    async with scene.database.session() as session:
        await session.execute(insert(RunRow), more)
    asked: list[str] = []
    event.listen(scene.database.engine.sync_engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
    await scene.supervisor._look()
    assert len(await scene.queue.startable()) == 501
    assert len(asked) < 10


@pytest.mark.parametrize(
    ("wanted", "devices", "may_take"),
    [
        ("auto", ["0", "1", "cpu"], ["0", "1"]),
        ("cuda", ["0", "cpu"], ["0"]),
        ("cpu", ["0", "cpu"], ["cpu"]),
        ("auto", ["cpu"], ["cpu"]),
        ("cuda", ["cpu"], ["cpu"]),  # which the engine refuses, in words
        ("auto", [], [None]),
    ],
)
def test_a_job_takes_a_gpu_where_there_is_one_unless_it_says_cpu(
    wanted: str, devices: list[str], may_take: list[str | None]
) -> None:
    assert list(devices_for(wanted, devices)) == may_take


def test_a_gpu_is_called_by_its_number_or_its_own_id() -> None:
    assert [name_of_gpu(each) for each in ("1", "GPU-8932f937", "cpu", None)] == ["GPU 1", "GPU-8932f937", None, None]
