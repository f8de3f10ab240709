"""The supervisor gives every run an honest end, whatever happens to its process. The processes are real, small Python programs."""

import asyncio
import os
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from assistant.machine.masking import Mask
from assistant.machine.troubles import Trouble
from assistant.runs import supervisor
from assistant.runs.executors import Claim, Submission
from assistant.runs.executors.local import LocalExecutor
from assistant.runs.files import open_files
from assistant.runs.place import place_of
from assistant.runs.queue import Queue
from assistant.runs.supervisor import Supervisor
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.store.tables import RunRow
from engine.contract.events import EventLog, Failed, Finished, Started, Stopped, read_events
from engine.contract.jobs import make_job
from engine.contract.process_lock import is_locked, noted_process
from tests.small_disk import SmallDisk, small_disk

pytestmark = pytest.mark.anyio

PREAMBLE = """
import os, signal, sys, time
from pathlib import Path
from engine.contract.events import *
from engine.contract.process_lock import note_process
"""
START = "log.append(Started(model='patchcore', dataset='oled'))"
FILL_THE_LAST_BLOCK = """
length = len(Warned(seq=2, time=time.time(), code='x', message='').model_dump_json())
log.append(Warned(code='x', message='x' * (4096 - log._size - length - 30)))  # 30: for its duration and its checksum
"""
FINISH = "log.append(Finished(metrics={'image_auroc': 0.9}, seconds={'total': 1.0}))"


class ScriptExecutor(LocalExecutor):
    """The local executor, running a script of the test instead of the engine."""

    preamble, script = PREAMBLE, ""

    def command(self, run: Path, arguments: list[str]) -> list[str]:
        program = f"{self.preamble}\nrun = Path({str(run)!r})\nlog = EventLog(run)\nnote_process(run)\n{self.script}"
        return [sys.executable, "-c", program]


class Scene:
    """A queue with a supervisor over scripted runs."""

    def __init__(self, settings: Settings, database: Database):
        self.database, self.folder, self.files = database, settings.home, open_files(settings)
        self.queue = Queue(settings, database, Mask([]), place_of(settings.home), self.files)
        self.executor = ScriptExecutor(settings, self.files)
        self.executors = [self.executor]
        self.ended: list[RunRow] = []
        self.supervisor = self.another_supervisor()

    def another_supervisor(self, executor: ScriptExecutor | None = None) -> Supervisor:
        executor = executor or self.executor
        return Supervisor(self.queue, lambda name: executor, slots=1, ended=self.ended.append)

    def another_server(self) -> Supervisor:
        """One that knows nothing of the processes which the first one started."""
        executor = ScriptExecutor(self.executor._settings, self.files)
        executor.script = self.executor.script
        self.executors.append(executor)
        return self.another_supervisor(executor)

    async def add(self) -> str:
        return (await self.queue.add(make_job("detect", "oled", "patchcore", {}), data_path="/data")).id

    async def run(self, script: str) -> RunRow:
        return await (await self.begin(script))

    async def begin(self, script: str) -> asyncio.Task[RunRow]:
        """A run that is queued, and being started when this returns."""
        self.executor.script = script
        return asyncio.create_task(self.supervisor.run_one(await self.add()))

    async def first_event(self, run: str) -> None:
        while not read_events(self.queue.folder(run)):
            await asyncio.sleep(0.05)

    async def trouble_of(self, run: str) -> Trouble:
        for _ in range(400):
            if (trouble := self.supervisor.trouble(run)) is not None:
                return trouble
            await asyncio.sleep(0.05)
        raise AssertionError(f"nothing keeps {run} from going on")

    @contextmanager
    def database_held(self) -> Iterator[None]:
        """A second program changes something in the database, and takes longer over it than anybody waits."""
        other = sqlite3.connect(self.folder / "murascope.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.close()

    async def state_becomes(self, run: str, *states: str) -> RunRow:
        for _ in range(400):
            if (row := await self.queue.get(run)).state in states:
                return row
            await asyncio.sleep(0.05)
        raise AssertionError(f"{run} is still {row.state}")


@asynccontextmanager
async def opened_scene(settings: Settings) -> AsyncIterator[Scene]:
    database = await Database.open(settings.database_url)
    opened = Scene(settings, database)
    yield opened
    for executor in opened.executors:
        for child in executor._children.values():
            child.wait(10)
    await database.close()


@pytest.fixture
async def scene(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    monkeypatch.setattr("assistant.store.database.BUSY_MS", 200)
    async with opened_scene(settings) as opened:
        yield opened


@pytest.fixture
async def scene_on_a_small_disk(settings: Settings) -> AsyncIterator[tuple[Scene, SmallDisk]]:
    """All but the database lies on the disk that gets full."""
    with small_disk(settings.runs_folder) as disk:
        async with opened_scene(settings) as opened:
            yield opened, disk


async def test_a_run_that_says_finished_has_succeeded(scene: Scene) -> None:
    run = await scene.run(f"{START}\n{FINISH}")
    assert (run.state, run.metrics) == ("succeeded", {"image_auroc": 0.9})
    assert [each.id for each in scene.ended] == ["r1"]


async def test_exit_code_0_without_a_last_word_is_a_failure(scene: Scene) -> None:
    run = await scene.run(f"{START}\nprint('the last line')")
    last = read_events(scene.queue.folder("r1"))[-1]
    assert run.state == "failed"
    assert isinstance(last, Failed)
    assert last.log == ["the last line"]


async def test_a_killed_process_is_a_failure_that_names_the_signal(scene: Scene) -> None:
    run = await scene.run(f"{START}\nprint('working', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)")
    assert run.state == "failed"
    assert "SIGKILL" in (run.reason or "")
    assert "out of memory" in (run.hint or "")


async def test_a_torn_last_line_is_cut_off_before_the_last_word(scene: Scene) -> None:
    await scene.run(f'{START}\nlog._file.write(b\'{{"seq": 2, "ty\'); log._file.flush(); os._exit(9)')
    assert [event.seq for event in read_events(scene.queue.folder("r1"))] == [1, 2]


async def test_a_log_that_is_damaged_in_its_middle_ends_the_run_as_failed(scene: Scene) -> None:
    damage = 'log._size += log._file.write(b\'{"seq":5,"ty\\n\')'
    run = await scene.run(f"{START}\n{damage}\n{FINISH}")
    assert run.state == "failed"
    assert "line 2 of events.jsonl" in (run.reason or "")
    assert [event.seq for event in read_events(scene.queue.folder("r1"))] == [1, 2]
    assert (scene.queue.folder("r1") / "events.damaged.jsonl").exists()


async def test_a_stop_ends_a_process_that_listens(scene: Scene) -> None:
    listening = "signal.signal(signal.SIGTERM, lambda *_: (log.append(Stopped()), os._exit(3)))"
    task = await scene.begin(f"{listening}\n{START}\ntime.sleep(60)")
    await scene.first_event("r1")
    await scene.queue.stop("r1")
    assert (await task).state == "stopped"


async def test_a_restarted_server_finds_its_run_again_and_tells_its_end(scene: Scene) -> None:
    scene.executor.script = f"{START}\ntime.sleep(1.5)\n{FINISH}"
    run = await scene.add()
    async with scene.supervisor.working():
        await scene.first_event(run)
    assert (await scene.queue.get(run)).state == "running"
    async with scene.another_server().working():
        assert (await scene.state_becomes(run, "succeeded", "failed")).state == "succeeded"


async def test_a_stop_ends_a_process_that_does_not_listen_and_is_told_as_a_stop(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "STOP_GRACE_SECONDS", 0.3)
    task = await scene.begin(f"signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{START}\ntime.sleep(60)")
    await scene.first_event("r1")
    await scene.queue.stop("r1")
    assert (await task).state == "stopped"
    assert isinstance(read_events(scene.queue.folder("r1"))[-1], Stopped)


async def test_a_server_that_did_not_start_a_run_stops_it(scene: Scene) -> None:
    scene.executor.script = f"{START}\ntime.sleep(60)"
    run = await scene.add()
    async with scene.supervisor.working():
        await scene.first_event(run)
    async with scene.another_server().working():
        await scene.queue.stop(run)
        assert (await scene.state_becomes(run, "stopped", "failed")).state == "stopped"
    assert not is_locked(scene.queue.folder(run))


async def test_a_run_whose_process_was_not_noted_yet_is_not_taken_for_dead(scene: Scene) -> None:
    go = scene.folder / "go"
    scene.executor.preamble = f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.02)\n{PREAMBLE}"
    scene.executor.script = f"{START}\n{FINISH}"
    run = await scene.add()
    async with scene.supervisor.working():
        await scene.state_becomes(run, "running")
    second = scene.another_server()
    async with second.working():
        while run not in second._watched:
            await asyncio.sleep(0.02)
        assert not await second._is_over(run)
        go.touch()
        assert (await scene.state_becomes(run, "succeeded", "failed")).state == "succeeded"


async def test_a_run_that_was_claimed_by_a_server_killed_before_the_start_is_started(scene: Scene) -> None:
    run = await scene.add()
    await scene.queue.claim_one(run)
    scene.executor.script = f"{START}\n{FINISH}"
    async with scene.supervisor.working():
        assert (await scene.state_becomes(run, "succeeded", "failed")).state == "succeeded"
    assert [event.seq for event in read_events(scene.queue.folder(run))] == [1, 2]


async def test_a_process_that_dies_at_once_is_not_started_for_ever(scene: Scene) -> None:
    scene.executor.preamble = "raise SystemExit(7)"
    run = await scene.run("")
    assert (run.state, run.attempts) == ("failed", 1)
    assert "exit code 7" in (run.reason or "")


async def test_what_a_killed_process_leaves_behind_is_ended_and_the_run_gets_its_end(scene: Scene) -> None:
    task = await scene.begin(f"{START}\nif os.fork(): os.kill(os.getpid(), signal.SIGKILL)\ntime.sleep(600)")
    run = await task
    assert run.state == "failed"
    assert "SIGKILL" in (run.reason or "")
    assert not is_locked(scene.queue.folder("r1"))


async def test_a_server_that_did_not_start_a_run_ends_what_its_killed_process_left_behind(scene: Scene) -> None:
    leave = "if os.fork(): time.sleep(600)\ntime.sleep(600)"
    scene.executor.script = f"{START}\n{leave}"
    run = await scene.add()
    async with scene.supervisor.working():
        await scene.first_event(run)
    async with scene.another_server().working():
        os.kill(noted_process(scene.queue.folder(run)) or 0, signal.SIGKILL)
        assert (await scene.state_becomes(run, "failed")).attempts == 1
    assert not is_locked(scene.queue.folder(run))


async def test_a_log_that_another_process_writes_holds_nobody_up(scene: Scene) -> None:
    run = await scene.add()
    await scene.queue.claim_one(run)
    writer = EventLog(scene.queue.folder(run))  # of a trainer of an earlier version, which holds no lock on the run
    writer.append(Started(model="patchcore", dataset="oled"))
    async with scene.supervisor.working():
        while scene.supervisor.trouble(run) is None:
            await asyncio.sleep(0.02)
        assert (await scene.queue.get(run)).state == "running"
        writer.append(Finished(metrics={}, seconds={}))
        writer.close()
        assert (await scene.state_becomes(run, "succeeded", "failed")).state == "succeeded"


async def test_two_servers_on_one_home_start_each_run_once(scene: Scene) -> None:
    scene.executor.script = f"{START}\ntime.sleep(0.2)\n{FINISH}"
    second = scene.another_server()
    runs = [await scene.add() for _ in range(4)]
    async with scene.supervisor.working(), second.working():
        for run in runs:
            ended = await scene.state_becomes(run, "succeeded", "failed")
            assert (ended.state, ended.attempts) == ("succeeded", 1)
            assert [event.seq for event in read_events(scene.queue.folder(run))] == [1, 2]
    assert sorted(each.id for each in scene.ended) == runs


async def test_a_run_waits_for_room_on_the_disk_and_begins_when_there_is(
    scene_on_a_small_disk: tuple[Scene, SmallDisk], caplog: pytest.LogCaptureFixture
) -> None:
    scene, disk = scene_on_a_small_disk
    scene.executor.script = f"{START}\n{FINISH}"
    run = await scene.add()
    disk.fill(leave=1 << 20)
    async with scene.supervisor.working():
        trouble = await scene.trouble_of(run)
        assert (trouble.code, (await scene.queue.get(run)).state) == ("no_room", "queued")
        await asyncio.sleep(2)  # two more tries, of which the log is not told
        assert len([each for each in caplog.messages if "waits" in each]) == 1
        disk.empty()
        assert (await scene.state_becomes(run, "succeeded", "failed")).state == "succeeded"
    assert scene.supervisor.trouble(run) is None


async def test_an_end_that_the_disk_does_not_take_is_written_when_there_is_room(
    scene_on_a_small_disk: tuple[Scene, SmallDisk],
) -> None:
    scene, disk = scene_on_a_small_disk
    scene.executor.script = f"{START}\n{FILL_THE_LAST_BLOCK}\ntime.sleep(60)"
    run = await scene.add()
    async with scene.supervisor.working():
        while len(read_events(scene.queue.folder(run))) < 2:
            await asyncio.sleep(0.05)
        disk.fill()
        await scene.queue.stop(run)
        assert (await scene.trouble_of(run)).code == "no_room"
        assert (await scene.queue.get(run)).state == "running"
        disk.empty()
        assert (await scene.state_becomes(run, "stopped", "failed")).state == "stopped"
    assert [event.seq for event in read_events(scene.queue.folder(run))] == [1, 2, 3]


async def test_a_database_that_is_held_for_long_loses_nothing(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    go = scene.folder / "go"
    scene.executor.script = f"{START}\nwhile not Path({str(go)!r}).exists(): time.sleep(0.02)\n{FINISH}"
    run = await scene.add()
    async with scene.supervisor.working():
        with scene.database_held():
            assert (await scene.trouble_of(run)).code == "database_busy"
            assert (await scene.queue.get(run)).state == "queued"
        await scene.first_event(run)
        assert scene.supervisor.trouble(run) is None
        with scene.database_held():
            go.touch()
            assert (await scene.trouble_of(run)).code == "database_busy"
            assert isinstance(read_events(scene.queue.folder(run))[-1], Finished)
        ended = await scene.state_becomes(run, "succeeded", "failed")
    assert (ended.state, ended.attempts) == ("succeeded", 1)
    assert len([each for each in caplog.messages if "waits" in each]) == 2


async def test_one_slot_runs_one_training_at_a_time(scene: Scene) -> None:
    scene.executor.script = f"{START}\ntime.sleep(0.4)\n{FINISH}"
    for _ in range(3):
        await scene.add()
    async with scene.supervisor.working():
        most = 0
        while (await scene.queue.get("r3")).state != "succeeded":
            most = max(most, len(await scene.queue.list(state="running")))
            await asyncio.sleep(0.02)
    assert most == 1


async def test_following_a_run_gives_each_event_once_from_any_point(scene: Scene) -> None:
    task = await scene.begin(f"{START}\ntime.sleep(0.3)\n{FINISH}")
    await scene.state_becomes("r1", "running", "succeeded")
    events = [event async for event in scene.queue.follow("r1")]
    assert [type(event) for event in events] == [Started, Finished]
    assert [event.seq async for event in scene.queue.follow("r1", after=1)] == [2]
    await task


class NotingExecutor(ScriptExecutor):
    """Notes what it is given."""

    given: Submission | None = None

    async def submit(self, submission: Submission, *, claim: Claim) -> bool:
        self.given = submission
        return await super().submit(submission, claim=claim)


@pytest.mark.parametrize(
    ("model", "chosen", "needs"),
    [
        ("padim", {}, ()),
        ("padim", {"backbone_run": "r7"}, ("r7",)),
        ("ensemble", {"members": ["r3", "r4"]}, ("r3", "r4")),
    ],
)
async def test_an_executor_is_told_what_a_run_is_built_on(
    scene: Scene, model: str, chosen: dict[str, object], needs: tuple[str, ...]
) -> None:
    executor = NotingExecutor(scene.executor._settings, scene.files)
    executor.script = f"{START}; {FINISH}"
    run = await scene.queue.add(make_job("detect", "oled", model, chosen), data_path="/data/oled")
    await scene.another_supervisor(executor).run_one(run.id)
    assert executor.given is not None
    assert (executor.given.dataset, executor.given.data, executor.given.needs) == ("oled", Path("/data/oled"), needs)
