"""Works the queue off: starts what waits while a slot is free, watches what runs, and gives every run its honest end.

How a run ended is read from its event log. A process that died without a last word is a failure with its exit code and the last
lines of its log, never a success. Whoever starts a run or gives it its end holds its lock meanwhile (engine/contract/process_lock.py): a
running run whose lock is free is dead, whichever server started it. What disk or database refuse is tried again until it goes.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from assistant.machine.disk_room import ROOM_TO_START_BYTES, refuse_full_disk
from assistant.machine.troubles import Trouble, Watch
from assistant.runs.executors import Executor
from assistant.runs.last_word import killed, last_word
from assistant.runs.queue import Queue, approved
from assistant.store.tables import ACTIVE, RunRow
from engine.contract.events import Event, Failed, Finished, Stopped
from engine.contract.folder import RunFolder
from engine.contract.process_lock import noted_process, take_lock

POLL_SECONDS = 0.25
STOP_GRACE_SECONDS = 8.0
MOST_STARTS = 3  # of a run whose process was never seen
QUEUE = "the queue"


class Supervisor:
    """Supervises the runs of one workspace, at most `slots` at a time; `ended` is told each run that has got its end here."""

    def __init__(self, queue: Queue, executor: Executor, *, slots: int, ended: Callable[[RunRow], None]):
        self._queue, self._executor, self._slots, self._ended = queue, executor, slots, ended
        self._watched: dict[str, asyncio.Task[None]] = {}
        self._closing = asyncio.Event()
        self._troubles = Watch()

    def trouble(self, run: str) -> Trouble | None:
        """What keeps this run from being started, or its end from being written, such as a full disk."""
        return self._troubles.get(run)

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Works in the background while the context is open. Runs go on when it closes; the next supervisor finds them."""
        task = asyncio.create_task(self._work())
        try:
            yield
        finally:  # nothing is cancelled: a query would be cut off in its middle
            self._closing.set()
            self._queue.added.set()
            await asyncio.gather(task, *self._watched.values(), return_exceptions=True)

    async def run_one(self, run: str) -> RunRow:
        """Start this queued run here and watch it to its end (`murascope train`)."""
        while True:  # a server on the same home may have taken it: then it ends there
            with self._troubles.over(QUEUE):
                row = await self._queue.get(run)
                if row.state not in ACTIVE:
                    return row
                await self._take_up(row)
            await asyncio.sleep(POLL_SECONDS)

    async def _work(self) -> None:
        while not self._closing.is_set():
            self._queue.added.clear()
            with self._troubles.over(QUEUE):
                await self._look()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._queue.added.wait(), 1.0)

    async def _look(self) -> None:
        for row in await self._queue.running():
            await self._take_up(row)
        for row in await self._queue.waiting():
            if self._busy() < self._slots:
                await self._take_up(row)

    def _busy(self) -> int:
        self._watched = {run: task for run, task in self._watched.items() if not task.done()}
        return len(self._watched)

    async def _take_up(self, row: RunRow) -> None:
        """Start a run that waits, and watch one that runs, whoever started it."""
        if (task := self._watched.get(row.id)) is not None and not task.done():
            return
        with self._troubles.over(row.id):
            if row.state == "running" or await self._start(row):
                self._watched[row.id] = asyncio.create_task(self._watch(row.id))

    async def _start(self, row: RunRow) -> bool:
        """Whether the run runs now: started here, unless another server has its hands on it.

        Raises:
            OSError: the disk is full, or no process can be made; the run waits on.
        """
        if row.stop_requested:
            if (stopped := await self._queue.end_before_it_began(row.id)) is not None:
                self._ended(stopped)
            return False
        folder = self._queue.folder(row.id)
        with await asyncio.to_thread(take_lock, folder) or contextlib.nullcontext() as lock:
            if lock is None:
                return False
            await asyncio.to_thread(
                refuse_full_disk, folder.parent, wanted=ROOM_TO_START_BYTES, what="a training is begun"
            )
            if await self._queue.claim_one(row.id) is None:
                return False
            try:
                await self._executor.start(folder, data=Path(row.data_path), approved=approved(row), lock=lock)
            except OSError:
                await self._queue.put_back(row.id, attempts=row.attempts)
                raise
        return True

    async def _watch(self, run: str) -> None:
        while not self._closing.is_set():
            with self._troubles.over(run):
                if await self._is_over(run):
                    return
            await asyncio.sleep(POLL_SECONDS)

    async def _is_over(self, run: str) -> bool:
        row, folder = await self._queue.get(run), self._queue.folder(run)
        if row.state != "running":  # it got its end elsewhere
            return True
        if not await self._executor.is_alive(folder):
            return await self._conclude(row)
        if row.stop_requested:
            await self._executor.stop(folder, grace_s=STOP_GRACE_SECONDS)
        return False

    async def _conclude(self, row: RunRow) -> bool:
        """Read from the log how a dead run ended, or say the last word for it. False while another server does."""
        run, folder = row.id, self._queue.folder(row.id)
        if (
            row.stop_requested
        ):  # a folder that is gone may be one of another home; a person's stop ends the run all the same
            await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        with await asyncio.to_thread(take_lock, folder) or contextlib.nullcontext() as lock:
            if lock is None:
                return False
            row = await self._queue.get(run)
            if row.state != "running":
                return True
            exit_code = self._executor.exit_code(folder)
            if exit_code is None and row.attempts < MOST_STARTS and await asyncio.to_thread(_never_began, folder):
                await self._queue.put_back(run, attempts=row.attempts)
                return True
            end = await asyncio.to_thread(_end, folder, exit_code, stopped=row.stop_requested)
            ended = await self._note_end(run, end)
        if ended is not None:
            self._ended(ended)
        return True

    async def _note_end(self, run: str, end: Event) -> RunRow | None:
        match end:
            case Finished():
                return await self._queue.end(run, "succeeded", metrics=dict(end.metrics), worked_s=end.elapsed_s)
            case Stopped():
                return await self._queue.end(run, "stopped", reason="stopped by the user", worked_s=end.elapsed_s)
            case Failed():
                return await self._queue.end(run, "failed", reason=end.reason, hint=end.hint, worked_s=end.elapsed_s)
            case _:
                raise AssertionError(f"run {run} ended with a {end.type} event")


def _never_began(folder: Path) -> bool:
    """Whether a server was killed between claiming the run and starting its process."""
    events = RunFolder(folder).events
    return noted_process(folder) is None and not (events.exists() and events.stat().st_size)


def _end(folder: Path, exit_code: int | None, *, stopped: bool) -> Event:
    return last_word(folder, Stopped() if stopped else killed(exit_code, folder))
