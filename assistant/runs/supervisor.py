"""Works the queue off: starts what waits while a slot is free, watches what runs, and gives every run its honest end.

It sees the runs of its own home: of the others it is told nothing and does nothing. How a run ended is read from its event log; whether
it goes on, its executor is asked. A process that died without a last word is a failure with its exit code and the last lines that it
printed, never a success. What disk or database refuse is tried again until it goes.
"""

import asyncio
import contextlib
import errno
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from assistant.machine.logs import about
from assistant.machine.troubles import Trouble, Watch
from assistant.runs.deleting import remove_old
from assistant.runs.executors import Executor, Gone, Running
from assistant.runs.last_word import LOG_LINES
from assistant.runs.queue import Queue, submission
from assistant.settings import SettingError
from assistant.store.tables import ACTIVE, ENDED, RunRow

POLL_SECONDS = 0.25
STOP_GRACE_SECONDS = 8.0
MOST_STARTS = 3  # of a run whose process was never seen
LOOKS_BETWEEN_CLEARINGS = 1800  # at the queue, about a second each
QUEUE = "the queue"


class Supervisor:
    """Supervises the runs of one home, at most `slots` at a time; `ended` is told each run that has got its end here. Files of runs that
    were deleted more than `keep_deleted_days` ago it removes, at its start and now and then."""

    def __init__(
        self,
        queue: Queue,
        executors: Callable[[str], Executor],
        *,
        slots: int,
        ended: Callable[[RunRow], None],
        keep_deleted_days: float = float("inf"),
    ):
        self._queue, self._executors, self._slots, self._ended = queue, executors, slots, ended
        self._keep_deleted_days = keep_deleted_days
        self._watched: dict[str, asyncio.Task[None]] = {}
        self._closing = asyncio.Event()
        self._troubles = Watch()
        self._working: asyncio.Task[None] | None = None

    def trouble(self, run: str) -> Trouble | None:
        """What keeps this run from being started, or its end from being written, such as a full disk."""
        return self._troubles.get(run)

    @property
    def is_working(self) -> bool:
        """Whether the queue is being worked off."""
        return self._working is not None and not self._working.done()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Works in the background while the context is open. Runs go on when it closes; the next supervisor finds them."""
        task = self._working = asyncio.create_task(self._work())
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
                await self._start_or_watch(row)
            await asyncio.sleep(POLL_SECONDS)

    async def _work(self) -> None:
        looks = 0
        while not self._closing.is_set():
            self._queue.added.clear()
            with self._troubles.over(QUEUE):
                await self._look()
                if looks % LOOKS_BETWEEN_CLEARINGS == 0 and self._keep_deleted_days != float("inf"):
                    await remove_old(self._queue, keep_days=self._keep_deleted_days)
            looks += 1
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._queue.added.wait(), 1.0)

    async def _look(self) -> None:
        for row in await self._queue.running():
            await self._start_or_watch(row)
        for row in await self._queue.waiting():
            if self._busy() < self._slots:
                await self._start_or_watch(row)

    def _busy(self) -> int:
        self._watched = {run: task for run, task in self._watched.items() if not task.done()}
        return len(self._watched)

    async def _start_or_watch(self, row: RunRow) -> None:
        """Start a run that waits, and watch one that runs, whoever started it."""
        if (task := self._watched.get(row.id)) is not None and not task.done():
            return
        with self._troubles.over(row.id):
            if row.state == "running" or await self._start(row):
                with about(run=row.id, conversation=row.conversation):
                    self._watched[row.id] = asyncio.create_task(self._watch(row.id))

    async def _start(self, row: RunRow) -> bool:
        """Whether the run was started here now.

        Raises:
            OSError: the disk is full, or no process can be made; the run waits on.
        """
        if row.stop_requested:
            if (stopped := await self._queue.end_before_it_began(row.id)) is not None:
                self._ended(stopped)
            return False
        claimed: list[RunRow] = []

        async def claim() -> bool:
            taken = await self._queue.claim_one(row.id)
            claimed.extend([taken] if taken is not None else [])
            return taken is not None

        try:
            return await self._executor_of(row).submit(submission(row), claim=claim)
        except OSError:
            for taken in claimed:
                await self._queue.put_back(taken, attempts=row.attempts)
            raise

    def _executor_of(self, row: RunRow) -> Executor:
        try:
            return self._executors(row.executor)
        except SettingError as error:  # it was there when the run was added, and may be again
            raise OSError(errno.ENOSYS, str(error)) from None

    async def _watch(self, run: str) -> None:
        while not self._closing.is_set():
            with self._troubles.over(run):
                if await self._is_over(run):
                    return
            await asyncio.sleep(POLL_SECONDS)

    async def _is_over(self, run: str) -> bool:
        row = await self._queue.get(run)
        if row.state != "running":  # it got its end elsewhere
            return True
        executor = self._executor_of(row)
        match await executor.status(run):
            case Gone() as gone:
                return await self._conclude(row, gone)
            case Running() if row.stop_requested:
                await executor.cancel(run, grace_s=STOP_GRACE_SECONDS)
        return False

    async def _conclude(self, row: RunRow, gone: Gone) -> bool:
        """Give a run that is gone its end, or let it wait again where a server was killed between claiming it and starting its process."""
        printed = await self._executor_of(row).logs(row.id, LOG_LINES)
        starts_again = not gone.has_begun and row.attempts < MOST_STARTS
        concluded = await self._queue.conclude(row, gone, printed=printed, starts_again=starts_again)
        if concluded is not None and concluded.state in ENDED:
            self._ended(concluded)
        return True
