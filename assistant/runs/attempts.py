"""Attempts of runs: each submission to an executor, from being claimed to its end (assistant/store/tables.py).

Like the state of a run, that of an attempt changes by conditional updates alone, and an ended one never does. What changes together with
its run's state is written by the queue, in one transaction.
"""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from assistant.store.database import Database
from assistant.store.tables import TRIED_AGAIN, AttemptRow, Outcome, RunRow, now


class Attempts:
    """The attempts of one database's runs."""

    def __init__(self, database: Database):
        self._database = database

    async def of(self, run: str) -> Sequence[AttemptRow]:
        """Those of a run, the first one first."""
        async with self._database.reading() as session:
            return (
                await session.scalars(select(AttemptRow).where(AttemptRow.run == run).order_by(AttemptRow.number))
            ).all()

    async def latest(self, row: RunRow) -> AttemptRow | None:
        """The one that counts, while the run goes on as `row` knows it."""
        async with self._database.reading() as session:
            return await session.get(AttemptRow, (row.id, row.attempts))

    async def failures(self, run: str, outcomes: Sequence[Outcome] = TRIED_AGAIN) -> int:
        """How many attempts of a run ended like this."""
        return sum(each.outcome in outcomes for each in await self.of(run) if each.state == "ended")

    async def submitted(self, row: RunRow) -> None:
        """The executor has it."""
        await self._change(row.id, row.attempts, ("submitting",), state="submitted")

    async def heard(self, run: str, number: int, *, node: str | None) -> AttemptRow | None:
        """A sign of life. None: the attempt has ended, or there is no such one."""
        at = now()
        async with self._database.session() as session:
            found = await session.get(AttemptRow, (run, number))
            if found is None or found.state == "ended":
                return None
            values = {"state": "begun", "heard_at": at, "began_at": found.began_at or at, "node": node or found.node}
            return await change(session, run, number, from_states=LIVE, **values)

    async def give_up(self, run: str, number: int, outcome: Outcome, *, by: str) -> bool:
        """It is to be ended, as the holder of the run's lease says; the first reason stays. Whether it is to be ended."""
        held = select(RunRow.id).where(RunRow.id == run, RunRow.held_by == by)
        this = (AttemptRow.run.in_(held), AttemptRow.number == number)
        given_up = update(AttemptRow).where(*this, AttemptRow.state.in_(LIVE), AttemptRow.given_up_at.is_(None))
        async with self._database.session() as session:
            await session.execute(
                given_up.values(given_up_at=now(), outcome=outcome), execution_options={"synchronize_session": False}
            )
            return await session.scalar(select(AttemptRow.given_up_at).where(*this)) is not None

    async def reported(self, run: str, number: int, outcome: Outcome, *, exit_code: int | None = None) -> None:
        """Its own report says that it is over, and how, which counts more than why it was to be ended."""
        values = {"outcome": outcome, "exit_code": exit_code, "given_up_at": now(), "heard_at": now()}
        await self._change(run, number, LIVE, **values)

    async def _change(self, run: str, number: int, from_states: Collection[str], **values: Any) -> AttemptRow | None:
        async with self._database.session() as session:
            return await change(session, run, number, from_states=from_states, **values)


LIVE = ("submitting", "submitted", "begun")


async def change(
    session: AsyncSession, run: str, number: int, *, from_states: Collection[str] = LIVE, **values: Any
) -> AttemptRow | None:
    """Change an attempt that is in one of these states, in a transaction of the caller's; None when it is not."""
    query = update(AttemptRow).where(AttemptRow.run == run, AttemptRow.number == number)
    query = query.where(AttemptRow.state.in_(from_states)).values(**values)
    changed = await session.scalars(query.returning(AttemptRow).execution_options(synchronize_session=False))
    return changed.one_or_none()
