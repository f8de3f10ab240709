"""A queue and supervisors over runs that are real processes, small Python programs instead of trainings."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from assistant.machine.masking import Mask
from assistant.machine.process_mark import ProcessMark
from assistant.machine.troubles import Trouble
from assistant.runs.attempts import Attempts
from assistant.runs.executors import Order, Status, Unknown
from assistant.runs.executors.local import LocalExecutor
from assistant.runs.files import open_files
from assistant.runs.leases import Leases
from assistant.runs.place import place_of
from assistant.runs.queue import Queue
from assistant.runs.supervisor import Supervisor
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.store.tables import RunRow
from engine.contract.events import read_events
from engine.contract.jobs import make_job
from engine.contract.process_lock import is_locked

PREAMBLE = """
import os, signal, sys, time
from pathlib import Path
from engine.contract.events import *
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
        program = f"{self.preamble}\nrun = Path({str(run)!r})\nlog = EventLog(run)\n{self.script}"
        return [sys.executable, "-c", program]


class Scene:
    """A queue with a supervisor over scripted runs."""

    def __init__(self, settings: Settings, database: Database, *, retries: int = 0):
        self.database, self.folder, self.files = database, settings.home, open_files(settings)
        self.queue = Queue(settings, database, Mask([]), place_of(settings.home), self.files)
        self.attempts, self.settings = (
            Attempts(database),
            settings.model_copy(update={"retries": retries, "retry_wait_s": 0}),
        )
        self.executor = ScriptExecutor(settings, self.files)
        self.executors = [self.executor]
        self.ended: list[RunRow] = []
        self.marks: list[ProcessMark] = []
        self.supervisor = self.another_supervisor()

    def another_supervisor(self, executor: ScriptExecutor | None = None) -> Supervisor:
        executor = executor or self.executor
        leases = Leases(self.database, self.another_process())
        return Supervisor(
            self.queue, self.attempts, leases, lambda name: executor, self.settings, ended=self.ended.append
        )

    def another_process(self) -> ProcessMark:
        self.marks.append(ProcessMark(self.folder, self.queue.place.home))
        return self.marks[-1]

    def another_server(self) -> Supervisor:
        """One that knows nothing of the processes which the first one started."""
        executor = ScriptExecutor(self.executor._settings, self.files)
        executor.script = self.executor.script
        self.executors.append(executor)
        return self.another_supervisor(executor)

    async def add(self, **chosen: Any) -> str:
        return (await self.queue.add(make_job("detect", "oled", "patchcore", chosen), data_path="/data")).id

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

    async def waits_again(self, run: str) -> RunRow:
        while (row := await self.queue.get(run)).state != "queued" or row.not_before is None:
            await asyncio.sleep(0.02)
        return row

    async def state_becomes(self, run: str, *states: str) -> RunRow:
        for _ in range(400):
            if (row := await self.queue.get(run)).state in states:
                return row
            await asyncio.sleep(0.05)
        raise AssertionError(f"{run} is still {row.state}")


@asynccontextmanager
async def opened_scene(settings: Settings, *, retries: int = 0) -> AsyncIterator[Scene]:
    database = await Database.open(settings.database_url)
    opened = Scene(settings, database, retries=retries)
    yield opened
    for run in opened.files.runs():
        while is_locked(opened.queue.folder(run)):
            await asyncio.sleep(0.02)
    await database.close()
    for mark in opened.marks:
        mark.give_up()


class Cluster:
    """An executor that shares no disk: how its attempts are is said by the test, and what they report by `heard`."""

    shares_disk = False

    def __init__(self) -> None:
        self.now: Status = Unknown()
        self.submitted: list[str] = []
        self.cancelled: list[str] = []
        self.asked = 0

    async def devices(self) -> list[str]:
        return []

    async def ready(self, order: Order) -> None: ...

    async def submit(self, order: Order) -> None:
        self.submitted.append(order.id)

    async def status(self, order: str) -> Status:
        self.asked += 1
        return self.now

    async def cancel(self, order: str, *, grace_s: float) -> None:
        self.cancelled.append(order)

    async def logs(self, order: str, lines: int) -> list[str]:
        return []
