"""Goes on with the groups of runs of one home: begins the next trial where a slot is free, ends what is not worth its time, keeps the minutes.

It keeps nothing in memory: each look reads the group, its runs and their event logs, so that a server which was started anew goes on where
the last one was. A trial is queued under a key of its own (`g1/3`), so that of two servers who begin it one does.
"""

import asyncio
import contextlib
import statistics
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from assistant.groups.suggesting import suggested
from assistant.groups.trials import differs_of, number_of, spent_s
from assistant.kinds import kind_of
from assistant.machine.troubles import Watch
from assistant.plans.estimates import count_work
from assistant.plans.group import Approved, Trial
from assistant.runs.groups import Groups
from assistant.runs.queue import Queue
from assistant.runs.results import NoResults
from assistant.store.tables import ACTIVE, ENDED, GroupRow, RunRow, now
from engine.contract.events import DamagedLog, Epoch, read_events
from engine.contract.jobs import SpecError, flat_settings, make_job, read_job

LOOK_SECONDS = 1.0
SHORT_S, SHORT_SHARE = 30.0, 0.1  # of the minutes: a trial that ends within this is let finish when they are over
FEWEST_FINISHED = 2  # before one can be worse than the others
WARM_UP = 1 / 3  # of its epochs that a trial may take before it is compared
MOST_FAILED = 3  # trials of a search that fail before any succeeds


class Coordinator:
    """`ended` is told each group that has got its end here."""

    def __init__(self, runs: Queue, groups: Groups, *, ended: Callable[[GroupRow], None]):
        self._runs, self._groups, self._ended = runs, groups, ended
        self._closing, self._troubles = asyncio.Event(), Watch()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Works in the background while the context is open; the next one goes on from there."""
        task = asyncio.create_task(self._work())
        try:
            yield
        finally:
            self._closing.set()
            self._groups.added.set()
            await asyncio.gather(task, return_exceptions=True)

    async def _work(self) -> None:
        while not self._closing.is_set():
            self._groups.added.clear()
            with self._troubles.over("the groups of runs"):
                for group in await self._groups.under_way():
                    with self._troubles.over(group.id):
                        await self.step(group)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._groups.added.wait(), LOOK_SECONDS)

    async def step(self, group: GroupRow) -> None:
        """One look at a group: what has to end ends, what can begin begins, and where nothing is left the group has its end."""
        approved, rows = Approved.model_validate(group.plan), await self._runs.of_group(group.id)
        active = [row for row in rows if row.state in ACTIVE]
        left = None if group.budget_s is None else group.budget_s - spent_s(rows)
        for row in active:
            if group.stop_requested:
                if not row.stop_requested:
                    await self._runs.stop(row.id)
            elif (why := await self._why_cut(row, rows, left, group.budget_s)) is not None:
                await self._runs.cut_short(row, why)
        if not group.stop_requested and any(row.state == "queued" for row in active):
            return  # one at a time waits, so that others' runs have their turn
        wanted = str(approved.base.job.get("device", "auto"))
        if not group.stop_requested and len(active) >= await self._runs.most_at_once(wanted):
            return
        begun = not group.stop_requested and await self._begin_next(group, approved, rows, left)
        if not begun and not active:
            ended = await self._groups.end(group.id, "stopped" if group.stop_requested else "finished")
            if ended is not None:
                self._ended(ended)

    # ---- beginning ----

    async def _begin_next(
        self, group: GroupRow, approved: Approved, rows: Sequence[RunRow], left: float | None
    ) -> bool:
        """Whether a trial was begun: none where all were, or the next would pass the minutes that are left. The first always begins."""
        begun = max((number_of(row) for row in rows), default=0)
        trial = await self._next(approved, rows, begun)
        if trial is None:
            return False
        if rows and left is not None and (left <= 0 or self._expected(trial, rows) > left):
            return False
        await self._runs.add(
            read_job(trial.job),
            data_path=trial.data_path,
            conversation=group.conversation,
            key=f"{group.id}/{begun + 1}",
            estimate_s=trial.work_s,
            fingerprint=trial.fingerprint,
            group=group.id,
            trial={"number": begun + 1, "differs": trial.differs},
        )
        return True

    async def _next(self, approved: Approved, rows: Sequence[RunRow], begun: int) -> Trial | None:
        if not approved.group.search:
            return approved.trials[begun] if begun < len(approved.trials) else None
        succeeded = [row for row in rows if row.state == "succeeded"]
        failed = [row for row in rows if row.state == "failed"]
        if begun >= approved.group.most or (not succeeded and len(failed) >= MOST_FAILED):
            return None
        return await asyncio.to_thread(self._looked_for, approved, rows)

    def _looked_for(self, approved: Approved, rows: Sequence[RunRow]) -> Trial | None:
        """The next trial of a search, from what those before it came to."""
        measured = [(differs_of(row), self._figure(row)) for row in rows if row.state in ENDED]
        base, facts = read_job(approved.base.job), approved.facts
        assert facts is not None
        for attempt in range(approved.group.most):
            differs = suggested(approved.group.search, measured, seed=len(rows) + 100 * attempt)
            try:
                job = make_job(base.kind, base.dataset, base.subject, {**flat_settings(base), **differs})
            except SpecError:  # two settings that do not go together
                continue
            work = count_work(job, facts)
            return approved.base.model_copy(
                update={
                    "differs": differs,
                    "job": job.model_dump(mode="json"),
                    "work_s": work,
                    "seconds": approved.base.seconds * work / max(approved.base.work_s, 1e-9),
                }
            )
        return None

    def _figure(self, row: RunRow) -> float | None:
        """What a search makes as great as it can: the worst type, or the mean where there are no types."""
        try:
            judged = kind_of(row.kind).tested(row, self._runs.folder_of(row)).judge(None)
        except NoResults:
            return None
        return judged.worst if judged.worst is not None else judged.mean

    def _expected(self, trial: Trial, rows: Sequence[RunRow]) -> float:
        """Seconds that a trial will take, corrected by how long the group's finished ones took."""
        ratios = [
            row.worked_s / row.estimate_s
            for row in rows
            if row.state == "succeeded" and row.worked_s and row.estimate_s
        ]
        return trial.work_s * statistics.median(ratios) if ratios else trial.seconds

    # ---- ending ----

    async def _why_cut(
        self, row: RunRow, rows: Sequence[RunRow], left: float | None, budget: float | None
    ) -> str | None:
        """Why a run is not gone on with: the minutes are over and it has long to go, or it learns worse than the others."""
        if row.stop_requested:
            return None
        if left is not None and budget is not None and left <= 0:
            if row.state == "queued":
                return "budget"
            seconds = await asyncio.to_thread(self._seconds_left, row)
            return "budget" if seconds is None or seconds > max(SHORT_S, SHORT_SHARE * budget) else None
        if row.state == "running" and await asyncio.to_thread(self._learns_worse, row, rows):
            return "worse"
        return None

    def _seconds_left(self, row: RunRow) -> float | None:
        """As the run itself says, else by its estimate; None where nobody knows."""
        for event in reversed(_events(self._runs.folder_of(row))):
            if (left := getattr(event, "eta_s", None)) is not None:
                return float(left)
        if row.estimate_s is None or row.started_at is None:
            return None
        return max(row.estimate_s - (now() - row.started_at).total_seconds(), 0.0)

    def _learns_worse(self, row: RunRow, rows: Sequence[RunRow]) -> bool:
        """The median rule: its best validation loss so far is worse than the median of what the finished ones of this model had at the
        same share of their epochs (Golovin et al., Google Vizier, KDD 2017). What has no epochs is not ended so."""
        own = self._validation(row)
        if not own or own[-1][0] < WARM_UP:
            return False
        share, best = own[-1][0], min(loss for _, loss in own)
        others = []
        for other in rows:
            if other.state == "succeeded" and other.subject == row.subject and other.dataset == row.dataset:
                losses = [loss for at, loss in self._validation(other) if at <= share + 1e-9]
                others += [min(losses)] if losses else []
        return len(others) >= FEWEST_FINISHED and best > statistics.median(others)

    def _validation(self, row: RunRow) -> list[tuple[float, float]]:
        """Share of the epochs, and the validation loss after it."""
        epochs = [event for event in _events(self._runs.folder_of(row)) if isinstance(event, Epoch)]
        return [(each.epoch / each.epochs, each.val_loss) for each in epochs if each.val_loss is not None]


def _events(folder: Path) -> Sequence[object]:
    try:
        return read_events(folder)
    except (DamagedLog, FileNotFoundError):
        return []
