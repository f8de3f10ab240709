"""What MLflow has not been told yet, sent piece by piece. How far it came stands in the database, so that it goes on after whatever ends it."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Select, and_, or_, select, update

from assistant.models.registry import Model, Registry, Version
from assistant.models.tracking.run_told import OURS, STATUS, measured, name_of, parameters, results, tags
from assistant.models.tracking.store import HERE, Store, address_of, told_of
from assistant.runs.queue import Queue
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.store.tables import ENDED, ModelRow, RunRow, TrackedRow
from engine.contract.events import DamagedLog, Event, each_event
from engine.contract.folder import RunFolder

RUNS_AT_ONCE = 20
PICTURES = 12  # heatmaps of a run that are kept with it
PICTURES_OF = "overlays"
OF_MODEL = ("dataset", "fingerprint", "data_licence", "code", "model_digest")  # facts of a version that are tags of it


@dataclass(frozen=True)
class Sent:
    """How many runs and models something was told of. `has_ended`: whether one of the runs was told to its end, so that there may be more."""

    runs: int
    models: int
    has_ended: bool = False


class Tracker:
    """Tells one MLflow of the runs of one home, and of the models whose runs are there."""

    def __init__(self, settings: Settings, database: Database, runs: Queue, registry: Registry):
        self._settings, self._database, self._runs, self._registry = settings, database, runs, registry
        self._at = address_of(settings)
        self._store: Store | None = None

    async def close(self) -> None:
        """Let another process tell MLflow."""
        if self._store is not None:
            await asyncio.to_thread(self._store.close)
            self._store = None

    async def pending(self) -> int:
        """How many runs and models there is something to tell of; of a run that goes on there always is."""
        if self._at is None:
            return 0
        async with self._database.reading() as session:
            runs = (await session.scalars(self._untold())).all()
            models = (await session.scalars(self._untold_models())).all()
        return len(runs) + len(models)

    async def send(self) -> Sent:
        """Tell MLflow of what it does not know yet, once through all of it.

        Raises:
            TrackingTrouble: it is away, or refuses; what was told by then stays told.
        """
        if self._at is None or not await self.pending():
            return Sent(0, 0)
        if self._store is None:
            self._store = await asyncio.to_thread(Store, self._settings)
        async with self._database.reading() as session:
            rows = (await session.scalars(self._untold())).all()
        for row in rows:
            await self._tell_run(self._store, row)
        async with self._database.reading() as session:
            names = (await session.scalars(self._untold_models())).all()
        told = [name for name in names if await self._tell_model(self._store, await self._registry.get(name))]
        return Sent(len(rows), len(told), any(row.state in ENDED for row in rows))

    def _untold(self) -> Select[RunRow]:
        done = and_(TrackedRow.run == RunRow.id, TrackedRow.at == self._at)
        query = select(RunRow).outerjoin(TrackedRow, done).where(RunRow.home == self._runs.place.home)
        query = query.where(RunRow.state != "queued", RunRow.files_removed_at.is_(None))
        query = query.where(or_(TrackedRow.is_done.is_(None), TrackedRow.is_done.is_(False)))
        return query.order_by(RunRow.number).limit(RUNS_AT_ONCE)

    def _untold_models(self) -> Select[str]:
        elsewhere = or_(ModelRow.tracked_at.is_(None), ModelRow.tracked_at != self._at)
        query = select(ModelRow.name).where(ModelRow.deleted_at.is_(None))
        return query.where(or_(elsewhere, ModelRow.tracked < ModelRow.revision)).order_by(ModelRow.name)

    async def _tell_run(self, store: Store, row: RunRow) -> None:
        assert self._at is not None
        began = round((row.started_at or row.created_at).timestamp() * 1000)
        of_run = tags(row, self._runs.place.home)
        async with self._database.session() as session:
            known = await session.get(TrackedRow, (row.id, self._at))
        if known is None:
            there = await asyncio.to_thread(store.run, row.dataset, name_of(row), began_ms=began, tags=of_run)
            await asyncio.to_thread(store.tell, there, parameters=parameters(row.spec))
            known = TrackedRow(run=row.id, at=self._at, tracked_as=there, events=0, is_done=False)
            async with self._database.session() as session:
                session.add(known)
        folder = self._runs.folder_of(row)
        events = await asyncio.to_thread(_after, folder, known.events)
        figures = list(measured(events))
        has_ended = row.state in ENDED
        if has_ended and row.finished_at is not None:
            figures += results(row, round(row.finished_at.timestamp() * 1000))
        await asyncio.to_thread(store.tell, known.tracked_as, measured=figures, tags=of_run)
        if has_ended:
            await asyncio.to_thread(store.keep, known.tracked_as, _files(folder, drawn=self._at != HERE))
            ended = None if row.finished_at is None else round(row.finished_at.timestamp() * 1000)
            await asyncio.to_thread(store.end, known.tracked_as, STATUS[row.state], at_ms=ended)
        seen = events[-1].seq if events else known.events
        change = update(TrackedRow).where(TrackedRow.run == row.id, TrackedRow.at == self._at)
        async with self._database.session() as session:
            await session.execute(change.values(events=seen, is_done=has_ended))

    async def _tell_model(self, store: Store, model: Model) -> bool:
        """Whether all of it could be told: not before its runs were, and their models by the home that has them."""
        tracked = {each.row.run: await self._tracked_as(each.row.run) for each in model.versions}
        theirs = await asyncio.to_thread(store.model, model.row.name, home=self._runs.place.home, note=model.row.note)
        waits = False
        for version in sorted(model.versions, key=lambda each: each.row.version):
            number, run = str(version.row.version), tracked[version.row.run]
            if number in theirs:
                continue
            row = await self._runs.get(version.row.run, also_deleted=True)
            if run is None or not self._runs.place.has(row):
                waits = True
                continue
            folder = RunFolder(self._runs.folder_of(row)).model.path
            theirs[number] = await asyncio.to_thread(
                store.add_version, model.row.name, run, folder, tags=_tags_of(version), note=version.row.note
            )
        alive = {str(each.row.version) for each in model.versions}
        for number in [each for each in theirs if each not in alive]:
            await asyncio.to_thread(store.remove_version, model.row.name, theirs.pop(number))
        wanted: dict[str, str | None] = {
            each.alias: theirs.get(str(each.row.version)) for each in model.versions if each.alias
        }
        await asyncio.to_thread(store.set_aliases, model.row.name, wanted)
        if waits:
            return False
        change = update(ModelRow).where(ModelRow.name == model.row.name)
        async with self._database.session() as session:
            await session.execute(change.values(tracked=model.row.revision, tracked_at=self._at))
        return True

    async def _tracked_as(self, run: str) -> str | None:
        query = select(TrackedRow.tracked_as).where(
            TrackedRow.run == run, TrackedRow.at == self._at, TrackedRow.is_done.is_(True)
        )
        async with self._database.reading() as session:
            return await session.scalar(query)


def _after(folder: Path, seq: int) -> list[Event]:
    """The events after this one, as far as they can be read."""
    try:
        return [event for event in each_event(folder) if event.seq > seq]
    except (DamagedLog, OSError):
        return []


def _files(folder: Path, *, drawn: bool) -> dict[str, Path]:
    """What is kept with a run there: settings, log, figures, the model's card; and `drawn` some heatmaps, which lie in this home anyway. The
    model itself is kept with its versions."""
    run = RunFolder(folder)
    pictures = run.evaluation.pictures(PICTURES_OF)
    some = sorted(pictures.iterdir())[:PICTURES] if drawn and pictures.is_dir() else []
    kept = [run.spec, run.log, run.model.card, run.evaluation.metrics, run.evaluation.scores, *some]
    return {run.within(path): path for path in kept if path.is_file()}


def _tags_of(version: Version) -> dict[str, str]:
    row = version.row
    told = {"version": row.version, "run": row.run, "threshold_version": row.threshold_version, "who": row.who}
    told |= {name: getattr(version.facts, name) for name in OF_MODEL}
    told |= {"licences": ", ".join(version.facts.licences), "tags": ", ".join(row.tags)}
    return {f"{OURS}{name}": told_of(value) for name, value in told.items() if value not in (None, "")}
