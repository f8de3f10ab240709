"""How many runs there are in each state, how their attempts ended, how long they waited and how long they worked: sums that the database
makes.

They are the same whichever server of one database is asked, and the same after a restart. Deleted runs count on, so sums only grow.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, case, extract, func, select
from sqlalchemy.orm import InstrumentedAttribute

from assistant.store.database import Database
from assistant.store.tables import ENDED, OUTCOMES, RUN_STATES, AttemptRow, RunRow
from engine.contract.jobs import KINDS

WAIT_SECONDS = (1, 5, 15, 60, 300, 900, 3600, 4 * 3600, 24 * 3600)
WORK_SECONDS = (10, 30, 60, 300, 900, 1800, 3600, 4 * 3600, 12 * 3600, 24 * 3600)


@dataclass(frozen=True)
class Spread:
    """How often something lasted at most each of the `bounds`, in seconds, how often at all, and how long in all."""

    labels: tuple[str, ...]
    at_most: Sequence[tuple[float, int]]
    count: int
    sum_s: float


@dataclass(frozen=True)
class Tally:
    """`states`: runs by kind and state, of each at least 0; `attempts` that ended, by outcome, the same; `waits` by kind, from asked for to
    first submitted; `works` by kind and end."""

    states: Sequence[tuple[str, str, int]]
    attempts: Sequence[tuple[str, int]]
    waits: Sequence[Spread]
    works: Sequence[Spread]


async def tally(database: Database) -> Tally:
    wait = _seconds(RunRow.created_at, AttemptRow.submitted_at, dialect=database.engine.dialect.name)
    counted = select(RunRow.kind, RunRow.state, func.count()).group_by(RunRow.kind, RunRow.state)
    ended = select(AttemptRow.outcome, func.count()).where(AttemptRow.state == "ended").group_by(AttemptRow.outcome)
    waited = _spread(wait, WAIT_SECONDS, RunRow.kind).join(AttemptRow, AttemptRow.run == RunRow.id)
    waited = waited.where(AttemptRow.number == 1)
    worked = _spread(RunRow.worked_s, WORK_SECONDS, RunRow.kind, RunRow.state)
    worked = worked.where(RunRow.worked_s.is_not(None), RunRow.state.in_(ENDED))
    async with database.reading() as session:
        found = {(kind, state): count for kind, state, count in await session.execute(counted)}
        ends = {str(outcome): count for outcome, count in await session.execute(ended)}
        waits = [_read(row, WAIT_SECONDS) for row in await session.execute(waited)]
        works = [_read(row, WORK_SECONDS) for row in await session.execute(worked)]
    known = {(kind, state): 0 for kind in sorted(KINDS) for state in RUN_STATES}
    attempts = [(outcome, ends.get(outcome, 0)) for outcome in OUTCOMES]
    return Tally([(*key, count) for key, count in (known | found).items()], attempts, waits, works)


def _seconds(start: InstrumentedAttribute[Any], end: InstrumentedAttribute[Any], *, dialect: str) -> Any:
    if dialect == "sqlite":
        return (func.julianday(end) - func.julianday(start)) * 86400.0
    return extract("epoch", end - start)


def _spread(seconds: Any, bounds: Sequence[float], *labels: InstrumentedAttribute[str]) -> Select[Any]:
    at_most = [func.sum(case((seconds <= bound, 1), else_=0)) for bound in bounds]
    columns: list[Any] = [*labels, func.count(), func.sum(seconds), *at_most]
    return select(*columns).group_by(*labels)


def _read(row: Any, bounds: Sequence[float]) -> Spread:
    labels = tuple(row)[: len(row) - len(bounds) - 2]
    count, sum_s, *at_most = tuple(row)[len(labels) :]
    return Spread(
        labels, [(bound, int(each)) for bound, each in zip(bounds, at_most, strict=True)], count, float(sum_s)
    )


async def experiments(database: Database) -> list[dict[str, Any]]:
    """The data sets that something was trained on, by name: `name`, how many `runs`, and how many of them in each state."""
    query = select(RunRow.dataset, RunRow.state, func.count()).where(RunRow.deleted_at.is_(None))
    async with database.reading() as session:
        counted = (await session.execute(query.group_by(RunRow.dataset, RunRow.state))).all()
    found: dict[str, dict[str, Any]] = {}
    for name, state, count in counted:
        of = found.setdefault(name, {"name": name, "runs": 0, **dict.fromkeys(RUN_STATES, 0)})
        of["runs"] += count
        of[state] += count
    return sorted(found.values(), key=lambda each: str(each["name"]).casefold())
