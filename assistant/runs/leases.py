"""Which of the servers of one home works on a run: the one that holds the run's lease submits, ends and judges its attempts, and no other.

The lease stands in the run's own row, `held_by` and `held_until`. It is taken by one conditional UPDATE, and how long it lasts is said
by the database's clock alone: those of two machines may be apart. Its holder renews it. When a holder is killed another server takes over
at once, where the kernel says that its process is gone (assistant/machine/process_mark.py), else LEASE_S after it renewed last.

A holder that stood still, and goes on when another has taken its place, changes nothing any more: each of its changes names it, in the
same UPDATE. What is done outside of the database, such as to submit, it asks for just before; and the id of an attempt makes the same one
of what comes twice (assistant/runs/executors).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from sqlalchemy import ColumnElement, or_, select, update
from sqlalchemy.exc import SQLAlchemyError

from assistant.machine.process_mark import ProcessMark
from assistant.store.clock import now_there
from assistant.store.database import Database
from assistant.store.tables import RunRow

LEASE_S = 15.0
RENEW_S = 5.0


class Leases:
    """The leases of one process, by the mark that it holds."""

    def __init__(self, database: Database, mark: ProcessMark):
        self._database, self._mark, self.holder = database, mark, mark.name

    async def take(self, row: RunRow) -> bool:
        """Whether this process works on the running run from now on: it held the lease already, or nobody does who is there."""
        is_free = or_(RunRow.held_by.is_(None), RunRow.held_by == self.holder, RunRow.held_until < now_there())
        if row.held_by is not None and not await asyncio.to_thread(self._mark.lives, row.held_by):
            is_free = or_(is_free, RunRow.held_by == row.held_by)
        async with (
            self._database.reading() as session
        ):  # most of the time another one holds it, and nothing is to be changed
            if await session.scalar(select(RunRow.id).where(RunRow.id == row.id, is_free)) is None:
                return False
        return await self._extend(RunRow.id == row.id, is_free)

    async def holds(self, run: str) -> bool:
        """Whether this process still works on the run; if so, from now on for the whole time of a lease."""
        return await self._extend(RunRow.id == run, RunRow.held_by == self.holder)

    @asynccontextmanager
    async def renewing(self) -> AsyncIterator[None]:
        """All leases of this process are renewed while the block lasts, and given up at its end."""
        over = asyncio.Event()
        task = asyncio.create_task(self._renew(over))
        try:
            yield
        finally:  # nothing is cancelled: a query would be cut off in its middle
            over.set()
            await task
            with suppress(SQLAlchemyError, OSError):  # they run out by themselves
                await self._give_up()

    async def _renew(self, over: asyncio.Event) -> None:
        while True:
            with suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), RENEW_S)
                return
            with suppress(SQLAlchemyError, OSError):  # whoever works on a run meets the same trouble, and tells it
                await self._extend(RunRow.held_by == self.holder)

    async def _extend(self, *where: ColumnElement[bool]) -> bool:
        held = update(RunRow).where(RunRow.state == "running", *where)
        held = held.values(held_by=self.holder, held_until=now_there(ahead_s=LEASE_S)).returning(RunRow.id)
        async with self._database.session() as session:
            return bool((await session.scalars(held.execution_options(synchronize_session=False))).all())

    async def _give_up(self) -> None:
        async with self._database.session() as session:
            held = update(RunRow).where(RunRow.held_by == self.holder).values(held_by=None, held_until=None)
            await session.execute(held.execution_options(synchronize_session=False))
