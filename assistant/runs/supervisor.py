"""Works the queue off: starts what waits where a device has a place free, watches what runs, and gives every run its honest end.

It sees the runs of its own home: of the others it is told nothing and does nothing. Several servers of one home share the work: each
starts runs where there is a place, and works on those whose lease it holds (assistant/runs/leases.py). How a run ended is read from its event log; whether
it goes on, its executor is asked. A process that was killed, lost or silent without a last word is tried again, later each time, and goes
on from its checkpoint; one that ended by itself, or was killed too often, is a failure with its exit code and the last lines that it
printed, never a success. What disk, database or cluster refuse is tried again until it goes.

Rules that hold everywhere: the last word in a run's log counts more than what an executor says; one that does not answer changes nothing;
what was never heard of is submitted again under the same id; what was heard of and is unknown now gets a new attempt, from which on
reports of the old one are refused.
"""

import asyncio
import contextlib
import dataclasses
import errno
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from assistant.machine.logs import about
from assistant.machine.troubles import CodedTrouble, Trouble, Watch
from assistant.runs.attempts import Attempts
from assistant.runs.deleting import remove_old
from assistant.runs.devices import Placed, Waiting, devices_for, free_device, taken_of
from assistant.runs.executors import Executor, Exited, Lost, Order, Pending, Running, Unknown, Unreachable, order_id
from assistant.runs.last_word import LOG_LINES, AttemptEnd, end_of
from assistant.runs.leases import Leases
from assistant.runs.queue import Queue, UnknownRun, order_of
from assistant.runs.run_tokens import RunTokens
from assistant.runs.unchanged import Unchanged
from assistant.settings import SettingError, Settings
from assistant.store.tables import ACTIVE, ENDED, TRIED_AGAIN, AttemptRow, Outcome, RunRow

POLL_SECONDS = 0.25
STOP_GRACE_SECONDS = 8.0
MOST_STARTS = 3  # of a run of which nothing was ever heard; these use up no retries
ABANDON_S = 60.0  # after which an attempt that was to be ended counts as ended, where its reports can be refused
LONGEST_WAIT_S = 600.0  # before another attempt
LOOKS_BETWEEN_CLEARINGS = 1800  # at the queue, about a second each
QUEUE = "the queue"


class Supervisor:
    """Supervises the runs of one home, at most `slots` at a time on each device; `ended` is told each run that has got its end here. Files of runs that
    were deleted long enough ago it removes, at its start and now and then."""

    def __init__(
        self,
        queue: Queue,
        attempts: Attempts,
        leases: Leases,
        executors: Callable[[str], Executor],
        settings: Settings,
        *,
        ended: Callable[[RunRow], None],
    ):
        self._queue, self._attempts, self._leases, self._settings = queue, attempts, leases, settings
        self._executors, self._tokens, self._ended = executors, RunTokens(settings), ended
        self._unchanged = Unchanged()
        self._not_ready: dict[str, OSError] = {}  # executors that take nothing in this look, by their names
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
            await asyncio.gather(task, return_exceptions=True)

    async def run_one(self, run: str) -> RunRow:
        """Start this queued run here and watch it to its end (`murascope train`)."""
        async with self._leases.renewing():
            while True:  # a server on the same home may have taken it: then it ends there
                with self._troubles.over(QUEUE):
                    row = await self._queue.get(run)
                    if row.state not in ACTIVE:
                        return row
                    await self._start_or_watch(row, slots=None)
                await asyncio.sleep(POLL_SECONDS)

    async def _work(self) -> None:
        looks = 0
        async with self._leases.renewing():
            while not self._closing.is_set():
                self._queue.added.clear()
                with self._troubles.over(QUEUE):
                    await self._look()
                    if looks % LOOKS_BETWEEN_CLEARINGS == 0:
                        await remove_old(self._queue, keep_days=self._settings.keep_deleted_days)
                looks += 1
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._queue.added.wait(), 1.0)
            await asyncio.gather(*self._watched.values(), return_exceptions=True)

    async def _look(self) -> None:
        self._watched = {run: task for run, task in self._watched.items() if not task.done()}
        for row in await self._queue.running():
            await self._start_or_watch(row)
        self._not_ready.clear()
        placed, full = await self._queue.placed(), set[tuple[str, str]]()
        for waits in await self._queue.startable():
            if not waits.stop_requested:
                if (waits.executor, waits.wanted) in full:
                    continue
                if (why := self._not_ready.get(waits.executor)) is not None:
                    with self._troubles.over(waits.run):
                        raise why
                    continue
                if not await self._is_place_free(waits, placed):
                    full.add((waits.executor, waits.wanted))
                    continue
            for row in await self._queue.some([waits.run]):  # none: it was stopped and deleted meanwhile
                if await self._start_or_watch(row, slots=self._settings.slots):
                    placed = await self._queue.placed()

    async def _is_place_free(self, waits: Waiting, placed: Sequence[Placed]) -> bool:
        """As it was a moment ago: whoever claims the run asks again. True too where its executor cannot be opened, which its start will tell."""
        try:
            devices = await self._executors(waits.executor).devices()
        except SettingError:
            return True
        taken = taken_of(placed, waits.executor)
        return free_device(devices_for(waits.wanted, devices), taken, slots=self._settings.slots)[1]

    async def _start_or_watch(self, row: RunRow, *, slots: int | None = None) -> bool:
        """Start a run that waits, and watch one that runs, whoever started it, unless another server works on it. Whether it is watched
        from now on."""
        if (task := self._watched.get(row.id)) is not None and not task.done():
            return False
        with self._troubles.over(row.id):
            if await (self._take(row) if row.state == "running" else self._start(row, slots)):
                with about(run=row.id, conversation=row.conversation):
                    self._watched[row.id] = asyncio.create_task(self._watch(row.id))
                return True
        return False

    async def _take(self, row: RunRow) -> bool:
        """Whether this server works on a run that runs. One that computes on another machine which shares the home is left to that one's
        servers: nobody else can stop it."""
        executor = self._executor_of(row)
        match await executor.status(order_id(row.id, row.attempts)) if executor.shares_disk else None:
            case Running(is_in_reach=False):
                return False
        return await self._leases.take(row)

    async def _start(self, row: RunRow, slots: int | None) -> bool:
        """Whether the run was started here now.

        Args:
            slots: so many may run at the same time on a device; None: this one does in any case.

        Raises:
            OSError: the disk is full, no process can be made, a cluster does not answer; the run waits on.
        """
        if row.stop_requested:
            if (stopped := await self._queue.end_before_it_began(row.id)) is not None:
                self._ended(stopped)
            return False
        if not await self._queue.may_start(row):
            return False
        executor = self._executor_of(row)
        order = order_of(row, row.attempts + 1, self._settings)
        try:
            await executor.ready(order)
        except OSError as error:  # whichever run it is: the others that wait for it need not ask
            self._not_ready[row.executor] = error
            raise
        among = devices_for(order.device, await executor.devices())
        claimed = await self._queue.claim_one(row.id, by=self._leases.holder, slots=slots, among=among)
        if claimed is not None:
            await self._submit(executor, claimed)
        return claimed is not None

    async def _submit(self, executor: Executor, row: RunRow) -> None:
        """Submit the latest attempt, for the first time or once more: it is one attempt all the same. Nothing where another server works
        on the run."""
        order = await self._order(executor, row)
        if not await self._leases.holds(row.id):
            return
        try:
            await executor.submit(order)
        except OSError:
            await self._queue.unclaim(row, by=self._leases.holder)
            raise
        await self._attempts.submitted(row)

    async def _order(self, executor: Executor, row: RunRow) -> Order:
        """The latest attempt, with the device that it was claimed with, and what it reports by where it shares no disk."""
        attempt = await self._attempts.latest(row)
        order = order_of(row, row.attempts, self._settings, place=attempt.device if attempt is not None else None)
        for need in order.needs:
            with contextlib.suppress(UnknownRun):  # the engine says so
                await self._queue.get(need)  # its files are here then
        if executor.shares_disk:
            return order
        token = await asyncio.to_thread(self._tokens.make, row.id, row.attempts)
        return dataclasses.replace(order, server=self._settings.reached_at, token=token)

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
        """Look at the latest attempt of a run that goes on. Whether nothing is to be watched any more: it has its end, waits again, or
        another server has taken it."""
        row = await self._queue.get(run)
        attempt = await self._attempts.latest(row)
        if row.state != "running" or row.held_by != self._leases.holder or attempt is None:
            return True
        executor = self._executor_of(row)
        if attempt.outcome == "done":  # by its own report, which counts more than what an executor says
            return await self._conclude(row, executor, end_of("done"))
        if not executor.shares_disk and self._given_up_for(attempt) > ABANDON_S:
            over = end_of(attempt.outcome or "lost")  # its reports are refused from now on
            return await self._conclude(row, executor, over)
        match status := await executor.status(order_id(row.id, attempt.number)):
            case Unreachable(why):
                raise OSError(errno.EHOSTUNREACH, why)
            case Unknown() if attempt.began_at is None and not row.stop_requested:
                await self._submit(executor, row)
            case Unknown():
                over = end_of("never_began" if attempt.began_at is None else "lost")
                return await self._conclude(row, executor, over)
            case Lost(why):
                return await self._conclude(row, executor, end_of(attempt.outcome or "lost", told=why))
            case Exited(exit_code, why, told):
                return await self._conclude(row, executor, self._end_of(attempt, exit_code, why, told))
            case Pending():
                if row.stop_requested:
                    await self._end(executor, attempt, "stopped")
                elif status.code:
                    raise CodedTrouble(status.code, status.why)
            case Running(node):
                await self._look_after(executor, row, attempt, node)
        return False

    async def _look_after(self, executor: Executor, row: RunRow, attempt: AttemptRow, node: str | None) -> None:
        """An attempt that computes: note that it has begun, stop it where that is asked for, end it where it is silent."""
        if executor.shares_disk and attempt.began_at is None:
            await self._attempts.heard(row.id, attempt.number, node=node)
        if row.stop_requested:
            await self._end(executor, attempt, "stopped")
        elif not executor.shares_disk and self._silent_for(attempt) > self._settings.silent_s:
            await self._end(executor, attempt, "silent" if attempt.began_at else "never_began")

    async def _end(self, executor: Executor, attempt: AttemptRow, outcome: Outcome) -> None:
        if await self._attempts.give_up(attempt.run, attempt.number, outcome, by=self._leases.holder):
            await executor.cancel(order_id(attempt.run, attempt.number), grace_s=STOP_GRACE_SECONDS)

    def _silent_for(self, attempt: AttemptRow) -> float:
        """Seconds that this server has seen pass without a sign of life; those before it looked count for nothing."""
        return self._unchanged.seconds(f"{order_id(attempt.run, attempt.number)} heard", attempt.heard_at)

    def _given_up_for(self, attempt: AttemptRow) -> float:
        """Seconds since it was to be ended, as far as this server has seen them pass."""
        if attempt.given_up_at is None:
            return 0.0
        return self._unchanged.seconds(f"{order_id(attempt.run, attempt.number)} given up", attempt.given_up_at)

    def _end_of(self, attempt: AttemptRow, exit_code: int | None, why: str | None, told: str) -> AttemptEnd:
        """How an attempt ended whose process is gone: as it was ended here, as its machine ended it, or by itself."""
        seconds = self._settings.silent_s
        if attempt.outcome is not None:
            return end_of(attempt.outcome, exit_code, seconds=seconds)
        if why == "limit":
            return end_of("limit", exit_code)
        if why == "silent":
            return end_of("silent", exit_code, seconds=seconds)
        if exit_code is None:
            return end_of("lost")
        return end_of("killed" if exit_code < 0 else "exited", exit_code, told=told)

    async def _conclude(self, row: RunRow, executor: Executor, over: AttemptEnd) -> bool:
        """Give a run whose attempt is over its end, or let it wait for its next one."""
        try:
            printed = await executor.logs(order_id(row.id, row.attempts), LOG_LINES)
        except OSError:
            printed = []
        again_after = await self._again_after(row, over)
        concluded = await self._queue.conclude(
            row, over, by=self._leases.holder, printed=printed, again_after=again_after
        )
        for what in ("heard", "given up"):
            self._unchanged.forget(f"{order_id(row.id, row.attempts)} {what}")
        if concluded is not None and concluded.state in ENDED:
            self._ended(concluded)
        return True

    async def _again_after(self, row: RunRow, over: AttemptEnd) -> timedelta | None:
        """How long the run waits for its next attempt; None: there is none. What ended by itself would end like that again."""
        if over.outcome in TRIED_AGAIN:
            failed, most = await self._attempts.failures(row.id), self._settings.retries
        elif over.outcome == "never_began":
            failed, most = await self._attempts.failures(row.id, ("never_began",)), MOST_STARTS - 1
        else:
            return None
        wait = min(self._settings.retry_wait_s * 2**failed, LONGEST_WAIT_S)
        return timedelta(seconds=wait) if failed < most else None
