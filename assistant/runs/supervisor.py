"""Works the queue off: starts what waits while a slot is free, watches what runs, and gives every run its honest end.

How a run ended is read from its event log. A process that died without a last word is a failure with its exit code and the last
lines of its log, never a success. After a server restart the supervisor finds the processes of its runs again.
"""

import asyncio
import contextlib
import logging
import shutil
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from assistant.runs.executors import Executor
from assistant.runs.queue import Queue
from assistant.store.tables import RunRow, now
from engine.events import Event, EventLog, Failed, Finished, Stopped, read_events

logger = logging.getLogger(__name__)

POLL_SECONDS = 0.25
STOP_GRACE_SECONDS = 8.0
START_GRACE = timedelta(seconds=30)  # between a run being claimed and its process being noted
LOG_LINES = 20
LITTLE_DISK = 64 << 20  # bytes


class Supervisor:
    """Supervises the runs of one workspace, at most `slots` at a time; `ended` is told each run that has got its end here."""

    def __init__(self, queue: Queue, executor: Executor, *, slots: int, ended: Callable[[RunRow], None]):
        self._queue, self._executor, self._slots, self._ended = queue, executor, slots, ended
        self._watched: dict[str, asyncio.Task[None]] = {}
        self._closing = asyncio.Event()

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
        if (claimed := await self._queue.claim_one(run)) is not None:
            await self._start(claimed)
        while True:  # a server on the same home may have taken it: then it ends there
            row = await self._queue.get(run)
            if row.state not in ("queued", "running"):
                return row
            await asyncio.sleep(POLL_SECONDS)

    async def _work(self) -> None:
        while not self._closing.is_set():
            self._queue.added.clear()
            self._watched = {run: task for run, task in self._watched.items() if not task.done()}
            try:
                await self._look()
            except SQLAlchemyError:
                logger.exception("the database did not answer; the queue is looked at again in a second")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._queue.added.wait(), 1.0)

    async def _look(self) -> None:
        for row in await self._queue.list(state="running"):
            if row.id not in self._watched:
                self._find_again(row)
        while len(self._watched) < self._slots and (claimed := await self._queue.claim()) is not None:
            self._watched[claimed.id] = asyncio.create_task(self._start(claimed))

    def _find_again(self, row: RunRow) -> None:
        """A running run that somebody else started: an earlier server, or the command line."""
        if row.handle is not None:
            self._watched[row.id] = asyncio.create_task(self._watch(row.id, row.handle))
        elif row.started_at is None or now() - row.started_at > START_GRACE:
            self._watched[row.id] = asyncio.create_task(self._conclude(row.id, None))

    async def _start(self, row: RunRow) -> None:
        folder = self._queue.folder(row.id)
        try:
            handle = await self._executor.start(folder, data=Path(row.data_path))
        except OSError as error:
            _last_word(
                folder,
                Failed(
                    code="error",
                    reason=f"the training process could not be started: {error}",
                    hint="free some memory or disk, then start the run again",
                ),
            )
            await self._conclude(row.id, None)
            return
        await self._queue.note_handle(row.id, handle)
        await self._watch(row.id, handle)

    async def _watch(self, run: str, handle: dict[str, object]) -> None:
        while await self._executor.poll(handle):
            if self._closing.is_set():
                return
            if (await self._queue.get(run)).stop_requested:
                await self._executor.stop(handle, grace_s=STOP_GRACE_SECONDS)
            await asyncio.sleep(POLL_SECONDS)
        await self._conclude(run, self._executor.exit_code(handle))

    async def _conclude(self, run: str, exit_code: int | None) -> None:
        """Read from the log how the run ended, or say the last word for it."""
        folder, row = self._queue.folder(run), await self._queue.get(run)
        log = self._queue.log_tail(run, LOG_LINES)
        end = _last_word(folder, Stopped() if row.stop_requested else _killed(exit_code, log, folder))
        match end:
            case Finished():
                ended = await self._queue.end(run, "succeeded", metrics=dict(end.metrics))
            case Stopped():
                ended = await self._queue.end(run, "stopped", reason="stopped by the user")
            case Failed():
                ended = await self._queue.end(run, "failed", reason=end.reason, hint=end.hint)
            case _:
                raise AssertionError(f"run {run} ended with a {end.type} event")
        if ended is not None:
            self._ended(ended)


def _last_word(folder: Path, otherwise: Finished | Failed | Stopped) -> Event:
    """The event that ended the run; when there is none, `otherwise` is written as the end."""
    folder.mkdir(parents=True, exist_ok=True)
    log = EventLog(folder, repair=True)
    try:
        if log.ended:
            return read_events(folder)[-1]
        if log.damage:
            hint = "the old log is kept as events.damaged.jsonl; start the run again"
            otherwise = Failed(code="error", reason=f"the run's event log is damaged: {log.damage}", hint=hint)
        return log.append(otherwise)
    finally:
        log.close()


def _killed(exit_code: int | None, log: Sequence[str], folder: Path) -> Failed:
    free = shutil.disk_usage(folder).free
    if free < LITTLE_DISK:
        reason = f"the training process is gone; the disk is full ({free >> 20} MiB free in {folder.parent})"
        return Failed(code="disk", reason=reason, hint="make room on the disk, then start the run again", log=list(log))
    if exit_code is None:
        how = "the training process is gone and left no last word"
    elif exit_code < 0:
        how = f"the training process was killed by signal {-exit_code} ({signal.Signals(-exit_code).name})"
    else:
        how = f"the training process ended with exit code {exit_code} and left no last word"
    hint = "start the run again; if it happens again, use a smaller batch_size or image_size: the machine may have run out of memory"
    return Failed(code="killed", reason=how, hint=hint, log=list(log))
