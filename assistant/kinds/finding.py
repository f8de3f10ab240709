"""Runs as a list shows them: found, sorted and counted by the database, so many at a time, however many there are."""

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, case, cast, exists, extract, func, or_, select, true
from sqlalchemy.dialects.postgresql import JSONB

from assistant.kinds import kind_of
from assistant.kinds.summary import title_of_model
from assistant.refused import Refused
from assistant.store.database import Database
from assistant.store.tables import RUN_STATES, RunRow
from engine.contract.jobs import KINDS, setting_names

NEWEST = "-run"
PAGE = 50
MOST_WORDS = 16  # of a search that are looked for
SETTING = re.compile(r"setting\.([a-z][a-z0-9_]{0,63})")
COLUMNS = ("run", "model", "dataset", "state", "result", "worst", "missed", "overkill", "when", "took", "room")


class NoSuchState(Refused):
    """There are no runs of such a state."""

    def __init__(self, state: str):
        super().__init__("no_such_state", f"no run is ever {state!r}; possible: {', '.join(RUN_STATES)}", state=state)


class NoSuchColumn(Refused):
    """The list of runs has no such column to be sorted by."""

    def __init__(self, sort: str):
        possible = (
            f"{', '.join(COLUMNS)}, setting.NAME of any setting; each with a minus from the highest to the lowest"
        )
        super().__init__("no_such_column", f"runs cannot be sorted by {sort!r}; possible: {possible}", sort=sort)


@dataclass(frozen=True)
class Asked:
    """Which runs are asked for, and in which order; an empty text asks for nothing. Each word of `q` stands somewhere in what is written on a
    run, its data set, its model or its id. `sort` is a column of the list or `setting.NAME`, with a minus from the highest to the lowest;
    runs without a value come last."""

    q: str = ""
    state: str = ""
    dataset: str = ""
    model: str = ""
    tag: str = ""
    sort: str = NEWEST


@dataclass(frozen=True)
class Found:
    """Some of the runs that fit, how many fit, and how many there are."""

    runs: Sequence[RunRow]
    count: int
    total: int


@dataclass(frozen=True)
class Choices:
    """What the runs that there are can be told apart by: a value and how it is said."""

    kinds: list[str]
    datasets: list[tuple[str, str]]
    models: list[tuple[str, str]]
    tags: list[tuple[str, str]]


class Finder:
    """Finds among all runs of a database that are not deleted, wherever they are."""

    def __init__(self, database: Database):
        self._database, self._is_sqlite = database, database.engine.dialect.name == "sqlite"

    async def page(
        self, asked: Asked, *, first: int = 0, most: int = PAGE, room: Mapping[str, int] | None = None
    ) -> Found:
        """At most so many of the runs that fit, from this one on, counted from 0.

        Args:
            room: what each takes on the disk, by which the column `room` sorts.

        Raises:
            NoSuchState, NoSuchColumn: no run can fit, or no order is meant.
        """
        check_state(asked.state)
        _check_sort(asked.sort)
        fits, name = self._fits(asked), asked.sort.removeprefix("-")
        # what is wide is read of the few alone that are shown
        ids: Any = select(RunRow.id, func.count().over()).where(*fits)
        async with self._database.reading() as session:
            total = (await session.execute(_COUNT)).scalar_one()
            if name == "room":
                every = list(await session.scalars(select(RunRow.id).where(*fits).order_by(RunRow.number.desc())))
                count = len(every)
                wanted = _by_room(every, room or {}, falling=asked.sort.startswith("-"))[first : first + most]
            elif len(fits) == 1 and self._key(name) is None:  # an index has them in order: nothing is to be counted
                rows = await session.scalars(self._sorted(select(RunRow.id).where(*fits), asked.sort, first, most))
                count, wanted = total, list(rows)
            else:
                found = (await session.execute(self._sorted(ids, asked.sort, first, most))).all()
                count, wanted = found[0][1] if found else 0, [row[0] for row in found]
            known = {row.id: row for row in await session.scalars(select(RunRow).where(RunRow.id.in_(wanted)))}
        return Found([known[run] for run in wanted if run in known], count, total)

    async def choices(self) -> Choices:
        tag = self._tag()
        async with self._database.reading() as session:
            datasets = (await session.scalars(select(RunRow.dataset).where(_there()).distinct())).all()
            models = (await session.execute(select(RunRow.kind, RunRow.subject).where(_there()).distinct())).all()
            query = select(tag.c.value).select_from(RunRow).join(tag, true()).where(_there())
            tags = (await session.scalars(query.distinct())).all()
        named = {(subject, title_of_model(kind, subject)) for kind, subject in models}
        return Choices(
            kinds=sorted({kind for kind, _ in models}),
            datasets=[(name, name) for name in sorted(datasets)],
            models=sorted(named, key=lambda model: model[1]),
            tags=[(each, each) for each in sorted(tags)],
        )

    def _fits(self, asked: Asked) -> list[ColumnElement[bool]]:
        equal = ((RunRow.state, asked.state), (RunRow.dataset, asked.dataset), (RunRow.subject, asked.model))
        fits = [_there(), *(column == value for column, value in equal if value)]
        if asked.tag:
            tag = self._tag()
            fits.append(exists(select(tag.c.value).where(func.lower(tag.c.value) == asked.tag.lower())))
        return fits + [self._stands_in(word) for word in asked.q.lower().split()[:MOST_WORDS]]

    def _stands_in(self, word: str) -> ColumnElement[bool]:
        tag = self._tag()
        columns = (RunRow.id, RunRow.name, RunRow.note, RunRow.dataset, RunRow.subject)
        text: ColumnElement[str] = functools.reduce(
            lambda text, column: text + "\n" + column, columns[1:], columns[0] + ""
        )
        titled = [subject for subject, title in _titles().items() if word in title.lower()]
        return or_(
            func.lower(text).contains(word, autoescape=True),
            RunRow.subject.in_(titled),
            exists(select(tag.c.value).where(func.lower(tag.c.value).contains(word, autoescape=True))),
        )

    def _sorted(self, query: Select[Any], sort: str, first: int, most: int) -> Select[Any]:
        name, falling = sort.removeprefix("-"), sort.startswith("-")
        key, query = self._key(name), query.offset(first).limit(most)
        if key is None:
            return query.order_by(RunRow.number.desc() if falling or name != "run" else RunRow.number)
        return query.order_by(key.is_(None), key.desc() if falling else key, RunRow.number.desc())

    def _key(self, name: str) -> ColumnElement[Any] | None:
        """What a column of the list sorts by; None for the run's own number, and where there is no such column."""
        if (setting := SETTING.fullmatch(name)) is not None:
            return func.coalesce(self._json(RunRow.spec, "model", setting[1]), self._json(RunRow.spec, setting[1]))
        match name:
            case "model":
                return func.lower(case(_titles(), value=RunRow.subject, else_=RunRow.subject))
            case "dataset":
                return func.lower(RunRow.dataset)
            case "state":
                return RunRow.state.expression
            case "when":
                return RunRow.created_at.expression
            case "took":
                begun, ended = (extract("epoch", moment) for moment in (RunRow.started_at, RunRow.finished_at))
                return func.coalesce(RunRow.worked_s, ended - begun)
        metrics = {kind: metric for kind in KINDS if (metric := _listed(kind).get(name)) is not None}
        if not metrics:
            return None
        return case(*((RunRow.kind == kind, self._json(RunRow.metrics, metric)) for kind, metric in metrics.items()))

    def _json(self, column: Any, *path: str) -> ColumnElement[Any]:
        """A value within JSON, as both databases order numbers and texts; null where there is none."""
        if self._is_sqlite:
            return func.json_extract(column, "$" + "".join(f'."{name}"' for name in path))
        return func.nullif(func.jsonb_extract_path(cast(column, JSONB), *path), cast("null", JSONB(none_as_null=True)))

    def _tag(self) -> Any:
        each = func.json_each if self._is_sqlite else func.json_array_elements_text
        return each(RunRow.tags).table_valued("value")


def check_state(state: str) -> None:
    """Raises NoSuchState for what is no state of a run; an empty text asks for none."""
    if state and state not in RUN_STATES:
        raise NoSuchState(state)


def _check_sort(sort: str) -> None:
    name = sort.removeprefix("-")
    setting = SETTING.fullmatch(name)
    if sort and name not in COLUMNS and (setting is None or setting[1] not in _settings()):
        raise NoSuchColumn(sort)


@functools.cache
def _settings() -> frozenset[str]:
    """Of every model of every kind of run."""
    return frozenset(
        name for kind, job in KINDS.items() for model in job.models() for name in setting_names(kind, model)
    )


def _there() -> ColumnElement[bool]:
    return RunRow.deleted_at.is_(None)


_COUNT = select(func.count()).select_from(RunRow).where(_there())


def _listed(kind: str) -> dict[str, str]:
    """The metric that each column of figures shows of runs of a kind."""
    return {"result": KINDS[kind].headline, **kind_of(kind).listed}


def _titles() -> dict[str, str]:
    return {name: model.title for kind in KINDS.values() for name, model in kind.models().items()}


def _by_room(ids: Sequence[str], room: Mapping[str, int], *, falling: bool) -> list[str]:
    known = sorted((run for run in ids if run in room), key=lambda run: room[run], reverse=falling)
    return [*known, *(run for run in ids if run not in room)]
