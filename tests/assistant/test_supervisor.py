"""The supervisor gives every run an honest end, whatever happens to its process. The processes are real, small Python programs."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from assistant.runs.executors.local import LocalExecutor
from assistant.runs.queue import Queue
from assistant.runs.supervisor import Supervisor
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.store.tables import RunRow
from engine.events import Failed, Finished, Started, read_events
from engine.spec import make_spec

pytestmark = pytest.mark.anyio

START = "log.append(Started(model='patchcore', family='memory', dataset='oled', pid=os.getpid()))"
FINISH = "log.append(Finished(metrics={'image_auroc': 0.9}, seconds={'total': 1.0}))"


class ScriptExecutor(LocalExecutor):
    """The local executor, running a script of the test instead of the engine."""

    script = ""

    async def start(self, run: Path, *, data: Path) -> dict[str, Any]:
        program = f"import os, sys, time, signal\nfrom pathlib import Path\nfrom engine.events import *\nlog = EventLog(Path({str(run)!r}))\n{self.script}"
        with (run / "log.txt").open("ab") as log:
            child = subprocess.Popen([sys.executable, "-c", program], stdout=log, stderr=log, start_new_session=True)
        self._children[child.pid] = child
        return {"pid": child.pid, "created": psutil.Process(child.pid).create_time()}


class Scene:
    """A queue with a supervisor over scripted runs."""

    def __init__(self, settings: Settings, database: Database):
        self.queue = Queue(settings, database)
        self.executor = ScriptExecutor(settings)
        self.ended: list[RunRow] = []
        self.supervisor = self.another_supervisor()

    def another_supervisor(self, executor: ScriptExecutor | None = None) -> Supervisor:
        return Supervisor(self.queue, executor or self.executor, slots=1, ended=self.ended.append)

    async def run(self, script: str) -> RunRow:
        return await (await self.begin(script))

    async def begin(self, script: str) -> asyncio.Task[RunRow]:
        """A run that is queued, and being started when this returns."""
        self.executor.script = script
        run = await self.queue.add(make_spec("oled", "patchcore", {}), data_path="/data")
        return asyncio.create_task(self.supervisor.run_one(run.id))

    async def state_becomes(self, run: str, *states: str) -> RunRow:
        for _ in range(400):
            if (row := await self.queue.get(run)).state in states:
                return row
            await asyncio.sleep(0.05)
        raise AssertionError(f"{run} is still {row.state}")


@pytest.fixture
async def scene(settings: Settings) -> Any:
    database = await Database.open(settings.database_url)
    opened = Scene(settings, database)
    yield opened
    for child in opened.executor._children.values():
        child.wait(10)
    await database.close()


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
    await scene.state_becomes("r1", "running")
    while not read_events(scene.queue.folder("r1")):
        await asyncio.sleep(0.05)
    await scene.queue.stop("r1")
    assert (await task).state == "stopped"


async def test_a_restarted_server_finds_its_run_again_and_tells_its_end(scene: Scene) -> None:
    scene.executor.script = f"{START}\ntime.sleep(1.5)\n{FINISH}"
    run = await scene.queue.add(make_spec("oled", "patchcore", {}), data_path="/data")
    async with scene.supervisor.working():
        await scene.state_becomes(run.id, "running")
        while (await scene.queue.get(run.id)).handle is None:
            await asyncio.sleep(0.05)
    assert (await scene.queue.get(run.id)).state == "running"
    async with scene.another_supervisor(ScriptExecutor(scene.executor._settings)).working():
        assert (await scene.state_becomes(run.id, "succeeded", "failed")).state == "succeeded"


async def test_one_slot_runs_one_training_at_a_time(scene: Scene) -> None:
    scene.executor.script = f"{START}\ntime.sleep(0.4)\n{FINISH}"
    for _ in range(3):
        await scene.queue.add(make_spec("oled", "patchcore", {}), data_path="/data")
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
