"""The queue: runs in the database, and the only places where their state changes.

Every change of state names the states it may come from, in one conditional UPDATE: a terminal state never changes, and of two
that race for the same run one wins.
"""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache, partial
from pathlib import Path
from typing import Any
from weakref import WeakValueDictionary

from sqlalchemy import Text, and_, cast, delete, func, or_, select, text, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from assistant.machine.masking import Mask
from assistant.refused import Refused
from assistant.runs import attempts
from assistant.runs.artifacts import Artifacts
from assistant.runs.devices import Device, Placed, Waiting, devices_for, free_device, taken_of
from assistant.runs.executors import Approved, Executor, Order, open_executor
from assistant.runs.files import RunFiles
from assistant.runs.follow import follow
from assistant.runs.last_word import AttemptEnd, open_for_last_word, say, without_last_word
from assistant.runs.leases import LEASE_S
from assistant.runs.place import Place, RunElsewhere
from assistant.settings import SettingError, Settings
from assistant.store.clock import now_there
from assistant.store.database import Database
from assistant.store.tables import (
    ACTIVE,
    ENDED,
    AttemptRow,
    GroupRow,
    QueueRow,
    RunRow,
    ThresholdRow,
    TrackedRow,
    VersionRow,
    now,
)
from engine.contract.continuing import hand_on
from engine.contract.events import Event, EventLog, Failed, Finished, LogInUse, Stopped, Warned, has_ended
from engine.contract.folder import RunFolder
from engine.contract.jobs import Job, digest_of, read_job

OVER_TIME_S = 300.0  # beyond a job's own limit, by which its process ends itself
LOOKS_AT_LOG, BETWEEN_LOOKS_S = 4, 0.25  # before a log that is in use counts as a trouble
IS_DUE = or_(RunRow.not_before.is_(None), RunRow.not_before <= now_there())
PAUSED = select(QueueRow.home).where(QueueRow.paused_at.is_not(None))
IN_TURN = (RunRow.priority.desc(), RunRow.number)
WANTED = func.coalesce(RunRow.spec["device"].as_string(), "auto")  # of a job's settings


@dataclass(frozen=True)
class Becomes:
    """The model that a run becomes a version of when it has succeeded, and who said so."""

    model: str
    who: str

    @classmethod
    def of(cls, row: RunRow) -> "Becomes | None":
        return None if row.register_as is None else cls(row.register_as, row.register_by or "?")


class UnknownRun(Refused, LookupError):
    """There is no such run; the message names the latest ones."""

    status = 404

    def __init__(self, message: str, run: str):
        super().__init__("not_found", message, run=run)


class DeletedRun(UnknownRun):
    """The run was deleted (assistant/runs/deleting.py); nobody has it until it is restored."""

    status = 410

    def __init__(self, row: RunRow):
        gone = " and its files are gone" if row.files_removed_at is not None else f"; murascope restore {row.id}"
        super().__init__(f"run {row.id} was deleted{gone}", row.id)
        self.code = "deleted_run"


class WaitsNoMore(Refused):
    """A run that has started or ended has no place in the queue."""

    status = 409

    def __init__(self, run: str):
        super().__init__("waits_no_more", f"run {run} does not wait any more", run=run)


class Queue:
    """The runs of one database, as one home sees them: some are here, others in other homes."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        mask: Mask,
        place: Place,
        files: RunFiles,
        artifacts: Artifacts | None = None,
        executors: Callable[[str], Executor] | None = None,
    ):
        """
        Args:
            executors: by their names; None: those of the settings.
        """
        self._settings, self._database, self._mask, self.place, self.files = settings, database, mask, place, files
        self._artifacts = artifacts
        self._executors = executors or cache(partial(open_executor, settings=settings, files=files))
        self._fetching: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self.added = asyncio.Event()  # set with each new run, for the supervisor

    def folder(self, run: str) -> Path:
        """The view that this home has of the run of that id; whoever has the run itself asks for the folder of it."""
        return self.files.folder(run)

    def folder_of(self, row: RunRow) -> Path:
        """
        Raises:
            RunElsewhere: the run's folder lies in another home.
        """
        if not self.place.has(row):
            raise RunElsewhere(row)
        return self.folder(row.id)

    async def adopt(self) -> None:
        """Take the runs of older versions, of which nobody knows the home, for this home's where it holds their folders."""
        unknown = update(RunRow).where(RunRow.home.is_(None))
        if self._settings.database is not None:  # else the database lies in this home, with all that it knows
            unknown = unknown.where(RunRow.id.in_(await asyncio.to_thread(self.files.runs)))
        async with self._database.session() as session:
            await session.execute(unknown.values(home=self.place.home, host=self.place.host))

    def follow(self, run: str, after: int = 0, *, thinned: bool = False) -> AsyncIterator[Event]:
        """The run's events after `after`: first those on record, then live ones, up to the last. `thinned`: without some points of the curves
        of a very long log.

        Raises:
            RunElsewhere: while they are read; its events stand in another home.
            DamagedLog: the same; the run has ended, and its log does not tell how.
        """

        async def is_over() -> bool:
            return (await self.get(run)).state not in ACTIVE

        async def events() -> AsyncIterator[Event]:
            async for event in follow(self.folder_of(await self.get(run)), after, has_ended=is_over, thinned=thinned):
                yield event

        return events()

    async def add(
        self,
        spec: Job,
        *,
        data_path: str,
        conversation: str | None = None,
        key: str | None = None,
        estimate_s: float | None = None,
        fingerprint: str | None = None,
        continues: str | None = None,
        group: str | None = None,
        trial: dict[str, Any] | None = None,
        becomes: Becomes | None = None,
    ) -> RunRow:
        """Queue a run and keep its first files: the job. The same `key` twice gives the same run, however many ask at once.

        Args:
            fingerprint: of the data that was approved; None lets the run train on whatever lies there.
            continues: the ended run whose place this one takes; its checkpoint is handed on.
            group: the group of runs that it belongs to, and which `trial` of it.
            becomes: a version of this model, when it has succeeded; of one that continues another, what that was to become.
        """
        for _ in range(20):  # numbers are handed out optimistically
            try:
                return await self._add(
                    spec,
                    data_path=data_path,
                    conversation=conversation,
                    key=key,
                    estimate_s=estimate_s,
                    fingerprint=fingerprint,
                    continues=continues,
                    group=group,
                    trial=trial,
                    becomes=becomes,
                )
            except (IntegrityError, FileExistsError):
                if key is not None and (row := await self._by_key(key)) is not None:
                    return row
        raise RuntimeError("no run number could be taken: the database is too busy; try again")

    async def _add(
        self,
        spec: Job,
        *,
        data_path: str,
        conversation: str | None,
        key: str | None,
        estimate_s: float | None,
        fingerprint: str | None,
        continues: str | None,
        group: str | None,
        trial: dict[str, Any] | None,
        becomes: Becomes | None,
    ) -> RunRow:
        async with self._database.session() as session:
            known = (await session.scalar(select(func.max(RunRow.number)))) or 0
            number = max(known, await asyncio.to_thread(self._highest_kept)) + 1
            if continues is not None and (before := await session.get(RunRow, continues)) is not None:
                becomes = Becomes.of(before)
            row = RunRow(
                id=f"r{number}",
                number=number,
                register_as=becomes.model if becomes else None,
                register_by=becomes.who if becomes else None,
                conversation=conversation,
                idempotency_key=key,
                dataset=spec.dataset,
                data_path=data_path,
                kind=spec.kind,
                executor=self._settings.executor,
                home=self.place.home,
                host=self.place.host,
                subject=spec.subject,
                spec=spec.model_dump(mode="json"),
                estimate_s=estimate_s,
                fingerprint=fingerprint,
                continues=continues,
                group=group,
                trial=trial,
            )
            session.add(row)
            await session.flush()
            await asyncio.to_thread(self._keep_first_files, row.id, spec, continues)
        self.added.set()
        return row

    async def take_in(
        self, spec: Job, source: Path, *, finished: Finished, data_path: str, fingerprint: str | None, note: str
    ) -> RunRow:
        """A run that has finished elsewhere, as one of this home; all files of the folder `source` are its."""
        for _ in range(20):  # as in `add`
            try:
                async with self._database.session() as session:
                    known = (await session.scalar(select(func.max(RunRow.number)))) or 0
                    number = max(known, await asyncio.to_thread(self._highest_kept)) + 1
                    row = RunRow(
                        id=f"r{number}",
                        number=number,
                        dataset=spec.dataset,
                        data_path=data_path,
                        kind=spec.kind,
                        executor=self._settings.executor,
                        home=self.place.home,
                        host=self.place.host,
                        subject=spec.subject,
                        spec=spec.model_dump(mode="json"),
                        fingerprint=fingerprint,
                        state="succeeded",
                        metrics=dict(finished.metrics),
                        worked_s=finished.elapsed_s,
                        note=note,
                        started_at=now(),
                        finished_at=now(),
                    )
                    session.add(row)
                    await session.flush()
                    await asyncio.to_thread(self._keep_all_files, row.id, source)
                return row
            except (IntegrityError, FileExistsError):
                continue
        raise RuntimeError("no run number could be taken: the database is too busy; try again")

    def _keep_all_files(self, run: str, source: Path) -> None:
        with self.files.new(run) as folder:
            shutil.copytree(source, folder, dirs_exist_ok=True)

    def _keep_first_files(self, run: str, spec: Job, continues: str | None) -> None:
        with self.files.new(run) as folder:
            RunFolder(folder).write_job(spec)
            if continues is not None:
                hand_on(self.folder(continues), folder)

    def _highest_kept(self) -> int:
        """The highest number among the runs of which there are files: an old home may have more than the database knows."""
        return max((int(run[1:]) for run in self.files.runs() if run[0] == "r" and run[1:].isdecimal()), default=0)

    async def _by_key(self, key: str) -> RunRow | None:
        async with self._database.reading() as session:
            return await session.scalar(select(RunRow).where(RunRow.idempotency_key == key))

    async def get(self, run: str, *, also_deleted: bool = False) -> RunRow:
        """The run of that id (`r12`; `12` is understood too). Where its files are kept in an object store, and are no longer here, they are
        fetched; those of a deleted one are not.

        Raises:
            UnknownRun: there is none.
            DeletedRun: it was deleted.
            OSError: its files cannot be fetched.
        """
        wanted = run.strip().lower()
        wanted = f"r{wanted}" if wanted.isdigit() else wanted
        async with self._database.reading() as session:
            row = await session.get(RunRow, wanted)
            if row is None:
                there = select(RunRow.id).where(RunRow.deleted_at.is_(None)).order_by(RunRow.number.desc())
                latest = (await session.scalars(there.limit(5))).all()
        if row is None:
            raise UnknownRun(f"unknown run {run!r} (latest: {', '.join(latest) or 'none yet'})", run)
        if row.deleted_at is not None and not also_deleted:
            raise DeletedRun(row)
        if row.deleted_at is None:
            await self._fetch(row)
        return row

    async def _fetch(self, row: RunRow) -> None:
        if self._artifacts is None or row.kept is None or not self.place.has(row):
            return
        async with self._fetching.setdefault(row.id, asyncio.Lock()):
            if not await asyncio.to_thread(self.folder(row.id).is_dir):
                await asyncio.to_thread(self._artifacts.fetch, row.kept, self.folder(row.id))

    async def to_keep(self) -> Sequence[RunRow]:
        """The ended runs of this home whose files are not in the object store yet, the oldest first."""
        query = select(RunRow).where(RunRow.state.in_(ENDED), RunRow.kept.is_(None), RunRow.deleted_at.is_(None))
        async with self._database.reading() as session:
            return (await session.scalars(query.where(RunRow.home == self.place.home).order_by(RunRow.number))).all()

    async def remove_files(self, row: RunRow) -> None:
        """Do away with the files of a deleted run, wherever they are kept.

        Raises:
            OSError: some of them cannot be removed; another try goes on.
        """
        if self._artifacts is not None and row.kept is not None:
            await asyncio.to_thread(self._artifacts.remove, row.kept)
        await asyncio.to_thread(self.files.remove, row.id)

    async def list(
        self,
        *,
        state: str | None = None,
        dataset: str | None = None,
        subject: str | None = None,
        conversation: str | None = None,
        limit: int | None = 200,
    ) -> Sequence[RunRow]:
        """Runs, wherever they are, the newest first. Deleted ones are none."""
        query = select(RunRow).where(RunRow.deleted_at.is_(None)).order_by(RunRow.number.desc()).limit(limit)
        for column, value in (
            (RunRow.state, state),
            (RunRow.dataset, dataset),
            (RunRow.subject, subject),
            (RunRow.conversation, conversation),
        ):
            if value is not None:
                query = query.where(column == value)
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def active(self) -> Sequence[RunRow]:
        """The runs that wait or run, wherever they are, the newest first."""
        query = select(RunRow).where(RunRow.state.in_(ACTIVE)).order_by(RunRow.number.desc())
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def naming(self, run: str) -> Sequence[RunRow]:
        """The runs in whose settings this id stands as a text, wherever, the newest first. Deleted ones are none."""
        query = select(RunRow).where(
            RunRow.deleted_at.is_(None), cast(RunRow.spec, Text).contains(f'"{run}"', autoescape=True)
        )
        async with self._database.reading() as session:
            return (await session.scalars(query.order_by(RunRow.number.desc()))).all()

    async def registered_as(self, run: str) -> Sequence[str]:
        """The versions of models that are of this run, as NAME@3."""
        query = select(VersionRow).where(VersionRow.run == run, VersionRow.deleted_at.is_(None))
        async with self._database.reading() as session:
            rows = (await session.scalars(query.order_by(VersionRow.model, VersionRow.version))).all()
        return [f"{row.model}@{row.version}" for row in rows]

    async def to_register(self) -> Sequence[RunRow]:
        """The runs of this home that have succeeded and are to become a version of a model yet, the oldest first."""
        query = select(RunRow).where(
            RunRow.register_as.is_not(None), RunRow.state == "succeeded", RunRow.deleted_at.is_(None)
        )
        async with self._database.reading() as session:
            return (await session.scalars(query.where(RunRow.home == self.place.home).order_by(RunRow.number))).all()

    async def deleted(self) -> Sequence[RunRow]:
        """The runs that were deleted and can be restored, the one deleted last first."""
        query = select(RunRow).where(RunRow.deleted_at.is_not(None), RunRow.files_removed_at.is_(None))
        async with self._database.reading() as session:
            return (await session.scalars(query.order_by(RunRow.deleted_at.desc()))).all()

    async def states(self) -> tuple[dict[str, str], dict[str, str]]:
        """The state of each run by its id: of those that there are, and of those that were deleted and can be restored."""
        query = select(RunRow.id, RunRow.state, RunRow.deleted_at).where(RunRow.files_removed_at.is_(None))
        there: dict[str, str] = {}
        gone: dict[str, str] = {}
        async with self._database.reading() as session:
            for run, state, deleted_at in await session.execute(query):
                (there if deleted_at is None else gone)[run] = state
        return there, gone

    async def waiting(self) -> Sequence[RunRow]:
        """The queued runs of this home: by priority, then the oldest first."""
        query = select(RunRow).where(RunRow.state == "queued", RunRow.home == self.place.home)
        async with self._database.reading() as session:
            return (await session.scalars(query.order_by(*IN_TURN))).all()

    async def startable(self) -> Sequence[Waiting]:
        """What of it may start as soon as there is a place, in the order in which it does: its time has come, and the queue is not paused."""
        query = select(RunRow.id, RunRow.executor, WANTED, RunRow.stop_requested)
        query = query.where(RunRow.state == "queued", RunRow.home == self.place.home)
        query = query.where(or_(RunRow.stop_requested, and_(IS_DUE, RunRow.home.not_in(PAUSED))))
        async with self._database.reading() as session:
            return [Waiting(*each) for each in await session.execute(query.order_by(*IN_TURN))]

    async def running(self) -> Sequence[RunRow]:
        """The running runs of this home, the oldest first."""
        query = select(RunRow).where(RunRow.state == "running", RunRow.home == self.place.home)
        async with self._database.reading() as session:
            return (await session.scalars(query.order_by(RunRow.number))).all()

    async def placed(self) -> Sequence[Placed]:
        """The running runs of this home with what they take, the oldest first; devices of other machines that share the home are none."""
        async with self._database.reading() as session:
            return await self._placed(session)

    async def _placed(self, session: AsyncSession) -> Sequence[Placed]:
        query = select(RunRow.id, RunRow.executor, AttemptRow.device).where(RunRow.state == "running")
        query = query.outerjoin(AttemptRow, and_(AttemptRow.run == RunRow.id, AttemptRow.number == RunRow.attempts))
        is_here = or_(AttemptRow.device.is_(None), AttemptRow.machine == self.place.machine)
        query = query.where(RunRow.home == self.place.home, is_here).order_by(RunRow.number)
        return [Placed(run, executor, device) for run, executor, device in await session.execute(query)]

    async def devices(self, executor: str | None = None) -> Sequence[str]:
        """Those of an executor, of that of the settings if none is named; none too where it cannot be opened."""
        try:
            return await self._executors(executor or self._settings.executor).devices()
        except SettingError:
            return ()

    async def most_at_once(self, wanted: str) -> int:
        """How many runs whose jobs name this device (auto, cpu, cuda) can run at the same time."""
        return self._settings.slots * len(devices_for(wanted, await self.devices()))

    async def some(self, runs: Sequence[str]) -> Sequence[RunRow]:
        """The runs of these ids that there are, in this order. Deleted ones are none."""
        if not runs:
            return []
        query = select(RunRow).where(RunRow.id.in_(runs), RunRow.deleted_at.is_(None))
        async with self._database.reading() as session:
            known = {row.id: row for row in await session.scalars(query)}
        return [known[run] for run in runs if run in known]

    async def of_group(self, group: str) -> Sequence[RunRow]:
        """The runs of a group, in the order in which they were begun."""
        async with self._database.reading() as session:
            return (await session.scalars(select(RunRow).where(RunRow.group == group).order_by(RunRow.number))).all()

    async def cut_short(self, row: RunRow, why: str) -> RunRow:
        """Stop a run of a group that is not worth going on with, and note why: worse, budget."""
        await self._change(row.id, ACTIVE, trial={**(row.trial or {}), "cut": why})
        return await self.stop(row.id)

    async def continuation(self, run: str) -> RunRow | None:
        """The run that took this one's place."""
        async with self._database.reading() as session:
            return await session.scalar(select(RunRow).where(RunRow.continues == run))

    async def group_goes_on(self, group: str) -> bool:
        """Whether there is such a group, and it has not ended."""
        query = select(GroupRow.id).where(GroupRow.id == group, GroupRow.ended.is_(None))
        async with self._database.reading() as session:
            return await session.scalar(query) is not None

    async def continuations(self, runs: Sequence[str]) -> dict[str, str]:
        """Of these runs those whose place another took, each with that other's id."""
        query = select(RunRow.continues, RunRow.id).where(RunRow.continues.in_(runs))
        async with self._database.reading() as session:
            return {str(run): other for run, other in await session.execute(query)}

    async def waits_for(self, row: RunRow) -> Sequence[str]:
        """The runs one of which must end before this one can start; none when a slot is free, or it has started meanwhile. Those that take
        or want other devices are not before it.

        Of a run in another home nobody here knows.
        """
        if row.state != "queued" or not self.place.has(row):
            return []
        devices = await self.devices(row.executor)
        among = devices_for(str(row.spec.get("device", "auto")), devices)
        older = and_(RunRow.priority == row.priority, RunRow.number < row.number)
        before = select(RunRow.id, WANTED).where(RunRow.state == "queued", RunRow.home == row.home)
        before = before.where(RunRow.executor == row.executor, or_(RunRow.priority > row.priority, older))
        async with self._database.reading() as session:
            waiting = (await session.execute(before.order_by(*IN_TURN))).all()
        there = [each for each in await self.placed() if each.executor == row.executor]
        ahead = [each.run for each in there if each.device in (*among, None)]
        ahead += [run for run, wanted in waiting if devices_for(wanted, devices) == among]
        return ahead if len(ahead) >= self._settings.slots * len(among) else []

    async def paused_since(self) -> datetime | None:
        """When the queue of this home was paused; None: it works. Nothing starts while it is paused, and what runs goes on."""
        async with self._database.reading() as session:
            row = await session.get(QueueRow, self.place.home)
            return row.paused_at if row is not None else None

    async def pause(self) -> None:
        if await self.paused_since() is None:
            async with self._database.session() as session:
                await session.merge(QueueRow(home=self.place.home, paused_at=now()))

    async def resume(self) -> None:
        async with self._database.session() as session:
            await session.merge(QueueRow(home=self.place.home, paused_at=None))
        self.added.set()

    async def prioritise(self, run: str, priority: int) -> RunRow | None:
        """Of the runs that wait those of the highest priority start first; None: it waits no more."""
        row = await self.get(run)
        return await self._change(row.id, ("queued",), priority=priority)

    async def put_first(self, run: str) -> RunRow | None:
        """Let a run that waits go before all the others that wait; None: it waits no more."""
        row = await self.get(run)
        others = [each.priority for each in await self.waiting() if each.id != row.id]
        return await self.prioritise(row.id, max([row.priority, *(priority + 1 for priority in others)]))

    async def may_start(self, row: RunRow) -> bool:
        """Whether a run that waits may start as soon as there is a place: its time has come, and the queue is not paused."""
        async with self._database.reading() as session:
            return (
                await session.scalar(select(RunRow.id).where(RunRow.id == row.id, IS_DUE, RunRow.home.not_in(PAUSED)))
                is not None
            )

    async def claim_one(
        self, run: str, *, by: str | None = None, slots: int | None = None, among: Sequence[Device] = (None,)
    ) -> RunRow | None:
        """Take this run if it still waits: it becomes running, on this machine, with a new attempt.

        Args:
            by: who holds its lease then.
            slots: only where a device of its executor has fewer than so many runs of this home, whichever server asks at the same moment.
            among: the devices of which it takes the least occupied.
        """
        async with self._database.session() as session:
            executor = await session.scalar(select(RunRow.executor).where(RunRow.id == run)) or ""
            taken = taken_of(await self._placed_one_by_one(session), executor)
            device, is_free = free_device(among, taken, slots=slots)
            if not is_free:
                return None
            claim = update(RunRow).where(RunRow.id == run, RunRow.state == "queued", IS_DUE)
            claim = claim.values(
                state="running",
                started_at=func.coalesce(RunRow.started_at, now()),
                host=self.place.host,
                attempts=RunRow.attempts + 1,
                not_before=None,
                held_by=by,
                held_until=now_there(ahead_s=LEASE_S) if by is not None else None,
            ).returning(RunRow)
            row = (await session.scalars(claim.execution_options(synchronize_session=False))).one_or_none()
            if row is not None:
                machine = None if device is None else self.place.machine
                what = {"run": row.id, "number": row.attempts, "executor": row.executor}
                session.add(AttemptRow(**what, device=device, machine=machine))
            return row

    async def _placed_one_by_one(self, session: AsyncSession) -> Sequence[Placed]:
        """The running runs, as `placed` gives them. Who asks next waits until this transaction has ended."""
        await session.execute(
            text("insert into queues (home) values (:home) on conflict do nothing"), {"home": self.place.home}
        )
        await session.execute(select(QueueRow.home).where(QueueRow.home == self.place.home).with_for_update())
        return await self._placed(session)

    async def unclaim(self, row: RunRow, *, by: str) -> None:
        """A claimed run whose attempt could not be submitted waits again, as if nobody had claimed it; unless another holds its lease."""
        async with self._database.session() as session:
            begun = row.started_at if row.attempts > 1 else None
            back = update(RunRow).where(RunRow.id == row.id, RunRow.state == "running", RunRow.attempts == row.attempts)
            back = back.where(RunRow.held_by == by).values(
                state="queued", attempts=row.attempts - 1, started_at=begun, held_by=None, held_until=None
            )
            if (await session.scalar(back.returning(RunRow.id))) is not None:
                await session.execute(
                    delete(AttemptRow).where(AttemptRow.run == row.id, AttemptRow.number == row.attempts)
                )

    async def stop(self, run: str) -> RunRow:
        """Ask for a stop. A queued run is stopped at once; a running one by its supervisor; an ended one stays as it is.

        A run whose log has ended is an ended one, though nobody may have noted its state yet. One of another home is stopped by that
        home's server; one of which nobody knows the home is ended here.
        """
        row = await self.get(run)
        if row.home is None:
            row = await self._change(row.id, ACTIVE, home=self.place.home, host=self.place.host) or row
        if not self.place.has(row):
            return await self._change(row.id, ACTIVE, stop_requested=True) or row
        if row.state == "running" and await asyncio.to_thread(has_ended, self.folder(row.id)):
            return row
        await self._change(row.id, ACTIVE, stop_requested=True)
        if row.state == "queued":
            with suppress(OSError):  # no room for its last word: the supervisor ends it when there is
                await self.end_before_it_began(row.id)
        return await self.get(row.id)

    async def end_before_it_began(self, run: str) -> RunRow | None:
        """Stop a run that waits; None when it does not wait any more, or is just being started: then its supervisor stops it.

        The log is told first: it is the truth about a run, and whoever finds the run next reads its end there.
        """
        async with self._last_words(run) as log:
            if (await self.get(run)).state != "queued":
                return None
            await asyncio.to_thread(say, log, self.folder(run), Stopped())
            return await self._change(
                run, ("queued",), state="stopped", finished_at=now(), reason="stopped before it began"
            )

    async def conclude(
        self, row: RunRow, over: AttemptEnd, *, by: str, printed: Sequence[str], again_after: timedelta | None
    ) -> RunRow | None:
        """Give a run whose attempt is over its end: the last word of its log, or one said for it. The run as it is then, or None when
        it was ended or tried anew by somebody else since `row` was read.

        Args:
            by: who judges it; the holder of its lease alone may.
            printed: its last lines.
            again_after: where its log has no last word it is tried again so much later, instead of being ended.

        Raises:
            OSError: its log is in use, or takes nothing.
        """
        async with self._last_words(row.id) as log:
            found = await self.get(row.id)
            if (found.state, found.attempts, found.held_by) != ("running", row.attempts, by):
                return None
            if again_after is None or log.ended or log.damage or found.stop_requested:
                end = await asyncio.to_thread(self._say_end, log, found, over, printed)
                return await self._note_end(row.id, end, over, by=by)
            if log.seq:  # else nothing is to be explained
                await asyncio.to_thread(log.append, _retried(found, over, again_after.total_seconds()))
        # its log is let go of before somebody can start it
        later = now_there(ahead_s=again_after.total_seconds())
        return await self._change(
            row.id, ("running",), attempt=over, latest=row.attempts, by=by, state="queued", not_before=later
        )

    def _say_end(self, log: EventLog, row: RunRow, over: AttemptEnd, printed: Sequence[str]) -> Event:
        folder = self.folder(row.id)
        return say(log, folder, Stopped() if row.stop_requested else without_last_word(over, folder, printed))

    @asynccontextmanager
    async def _last_words(self, run: str) -> AsyncIterator[EventLog]:
        """The log of a run. Whoever has it open gives the run its end, and nobody else does meanwhile."""
        folder = self.folder(run)
        if (await self.get(run)).stop_requested:  # a person's stop ends a run all the same whose folder is gone
            await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        for _ in range(LOOKS_AT_LOG):
            with suppress(LogInUse):  # of another server, which will have done in a moment
                log = await asyncio.to_thread(open_for_last_word, folder)
                break
            await asyncio.sleep(BETWEEN_LOOKS_S)
        else:
            log = await asyncio.to_thread(open_for_last_word, folder)
        try:
            yield log
        finally:
            await asyncio.to_thread(log.close)
            await asyncio.to_thread(self.files.put, run, folder)

    async def _note_end(self, run: str, end: Event, over: AttemptEnd, *, by: str) -> RunRow | None:
        match end:
            case Finished():
                return await self.end(run, "succeeded", by=by, metrics=dict(end.metrics), worked_s=end.elapsed_s)
            case Stopped():
                why, stopped = "stopped by the user", AttemptEnd("stopped")
                return await self.end(run, "stopped", by=by, reason=why, worked_s=end.elapsed_s, over=stopped)
            case Failed():
                return await self.end(
                    run,
                    "failed",
                    by=by,
                    reason=end.reason,
                    hint=end.hint,
                    worked_s=end.elapsed_s,
                    over=over if end.code == "killed" else None,
                )
            case _:
                raise AssertionError(f"run {run} ended with a {end.type} event")

    async def end(
        self,
        run: str,
        state: str,
        *,
        by: str | None = None,
        metrics: dict[str, Any] | None = None,
        reason: str | None = None,
        hint: str | None = None,
        worked_s: float | None = None,
        over: AttemptEnd | None = None,
    ) -> RunRow | None:
        """Give a running run its terminal state, and its attempt its end, by its own word unless `over` says otherwise; None when it
        already had one, or somebody else than `by` holds its lease."""
        told = self._mask.value({"reason": reason, "hint": hint})
        return await self._change(
            run,
            ("running",),
            attempt=over or AttemptEnd("done"),
            by=by,
            state=state,
            finished_at=now(),
            metrics=metrics,
            worked_s=worked_s,
            **told,
        )

    async def write(self, run: str, **values: Any) -> RunRow:
        """Give columns that tell nothing of how it goes these values: what people write on it, whether it is deleted. None: as it is."""
        if not values:
            return await self.get(run, also_deleted=True)
        async with self._database.session() as session:
            await _tell_again(session, run)
            query = update(RunRow).where(RunRow.id == run).values(**values).returning(RunRow)
            return (await session.scalars(query.execution_options(synchronize_session=False))).one()

    async def set_threshold(self, setting: ThresholdRow, *, seen: int, metrics: dict[str, Any]) -> RunRow | None:
        """Put a threshold in force, with the metrics at it. None when another was set than the version `seen`."""
        change = update(RunRow).where(RunRow.id == setting.run, RunRow.state == "succeeded")
        change = change.values(threshold=setting.setting, metrics=metrics).returning(RunRow)
        try:
            async with self._database.session() as session:
                if _version(await session.scalar(select(RunRow.threshold).where(RunRow.id == setting.run))) != seen:
                    return None
                await _tell_again(session, setting.run)
                session.add(setting)
                await session.flush()  # of two at once, in a database that lets them, one finds the version taken
                return (await session.scalars(change.execution_options(synchronize_session=False))).one_or_none()
        except IntegrityError:
            return None

    async def thresholds(self, run: str) -> Sequence[ThresholdRow]:
        """Those that were set for a run, the oldest first."""
        query = select(ThresholdRow).where(ThresholdRow.run == run).order_by(ThresholdRow.version)
        async with self._database.reading() as session:
            return (await session.scalars(query)).all()

    async def _change(
        self,
        run: str,
        from_states: tuple[str, ...],
        *,
        attempt: AttemptEnd | None = None,
        latest: int | None = None,
        by: str | None = None,
        **values: Any,
    ) -> RunRow | None:
        """Give a run that is in one of these states these values; None when it is not.

        Args:
            attempt: how its latest attempt ended, which is noted with it; nobody works on the run then.
            latest: only if that is still its latest attempt.
            by: only if that process still holds the run's lease.
        """
        async with self._database.session() as session:
            query = update(RunRow).where(RunRow.id == run, RunRow.state.in_(from_states))
            if latest is not None:
                query = query.where(RunRow.attempts == latest)
            if by is not None:
                query = query.where(RunRow.held_by == by)
            if attempt is not None:
                values |= {"held_by": None, "held_until": None}
            query = query.values(**values).returning(RunRow)
            row = (await session.scalars(query.execution_options(synchronize_session=False))).one_or_none()
            if row is not None and attempt is not None:
                over = self._mask.value({"outcome": attempt.outcome, "reason": attempt.reason})
                ended = {"state": "ended", "ended_at": now(), "exit_code": attempt.exit_code, **over}
                await attempts.change(session, run, row.attempts, **ended)
            return row


async def _tell_again(session: AsyncSession, run: str) -> None:
    """What was told of it elsewhere is no longer all (assistant/models/tracking)."""
    await session.execute(update(TrackedRow).where(TrackedRow.run == run).values(is_done=False))


def _retried(row: RunRow, over: AttemptEnd, wait_s: float) -> Warned:
    """What its log tells of an attempt that is followed by another."""
    message = f"{over.reason or over.outcome}; the training is tried again in {wait_s:g} s"
    return Warned(code=f"retried_{over.outcome}", message=message, values={"attempt": row.attempts, "wait_s": wait_s})


def version_in_force(row: RunRow) -> int:
    """Of a run's threshold; 1 is the promised one."""
    return _version(row.threshold)


def _version(threshold: dict[str, Any] | None) -> int:
    return 1 if threshold is None else int(threshold["version"])


def order_of(row: RunRow, attempt: int, settings: Settings, *, place: Device = None) -> Order:
    """An attempt of a run, on this device. What was approved stands in the database; the run's files may have been written to since."""
    try:
        job = read_job(row.spec)
        digest, needs, device, limit = digest_of(job), tuple(job.built_on), job.device, job.time_limit_min
    except ValueError:  # of another version: the engine will not know these settings either, and says so
        digest, needs, device, limit = "unknown", (), "auto", None
    return Order(
        row.id,
        attempt,
        dataset=row.dataset,
        data=Path(row.data_path),
        approved=Approved(data=row.fingerprint, spec=digest),
        needs=needs,
        limit_s=None if limit is None else limit * 60 + OVER_TIME_S,
        silent_s=settings.silent_s,
        device=device,
        place=place,
    )
