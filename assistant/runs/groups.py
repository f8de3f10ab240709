"""The groups of runs: what was approved as one, and whether it still goes on. Its runs stand in the queue like any other.

Every change names what it may come from, in one conditional UPDATE, and the same `key` twice gives the same group, so that one yes is one
group, however many ask at once.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from assistant.refused import Refused
from assistant.runs.place import Place
from assistant.store.database import Database
from assistant.store.tables import GroupRow, now


class UnknownGroup(Refused, LookupError):
    """There is no such group of runs."""

    status = 404

    def __init__(self, group: str):
        super().__init__("not_found", f"unknown group of runs {group!r}", group=group)


def is_group(started: str) -> bool:
    """Whether an id is that of a group, not of a run."""
    return started.strip().lower().startswith("g")


class Groups:
    """Those of one database; the ones of this home are gone on with here."""

    def __init__(self, database: Database, place: Place):
        self._database, self._place = database, place
        self.added = asyncio.Event()

    async def add(
        self,
        sort: str,
        *,
        plan: dict[str, Any],
        dataset: str,
        subject: str,
        budget_s: float | None = None,
        conversation: str | None = None,
        key: str | None = None,
    ) -> GroupRow:
        """Begin a group. The same `key` twice gives the same group."""
        for _ in range(20):  # numbers are handed out optimistically
            try:
                async with self._database.session() as session:
                    number = ((await session.scalar(select(func.max(GroupRow.number)))) or 0) + 1
                    row = GroupRow(
                        id=f"g{number}",
                        number=number,
                        sort=sort,
                        home=self._place.home,
                        conversation=conversation,
                        idempotency_key=key,
                        dataset=dataset,
                        subject=subject,
                        plan=plan,
                        budget_s=budget_s,
                    )
                    session.add(row)
                self.added.set()
                return row
            except IntegrityError:
                if key is not None and (known := await self._by_key(key)) is not None:
                    return known
        raise RuntimeError("no number could be taken for a group of runs: the database is too busy; try again")

    async def get(self, group: str) -> GroupRow:
        """The group of that id.

        Raises:
            UnknownGroup: there is none.
        """
        async with self._database.reading() as session:
            row = await session.get(GroupRow, group.strip().lower())
        if row is None:
            raise UnknownGroup(group)
        return row

    async def under_way(self) -> Sequence[GroupRow]:
        """Those of this home that have not ended, the oldest first."""
        query = select(GroupRow).where(GroupRow.ended.is_(None), GroupRow.home == self._place.home)
        async with self._database.reading() as session:
            return (await session.scalars(query.order_by(GroupRow.number))).all()

    async def latest(self, limit: int = 20) -> Sequence[GroupRow]:
        """Groups, wherever they are, the newest first."""
        async with self._database.reading() as session:
            return (await session.scalars(select(GroupRow).order_by(GroupRow.number.desc()).limit(limit))).all()

    async def stop(self, group: str) -> GroupRow:
        """Ask for a stop: no further run begins, and those under way are stopped. One that has ended stays as it is."""
        row = await self.get(group)
        stopped = await self._change(row.id, stop_requested=True)
        self.added.set()
        return stopped or row

    async def end(self, group: str, how: str) -> GroupRow | None:
        """Give a group its end; None when it already had one."""
        return await self._change(group, ended=how, finished_at=now())

    async def _change(self, group: str, **values: Any) -> GroupRow | None:
        query = update(GroupRow).where(GroupRow.id == group, GroupRow.ended.is_(None)).values(**values)
        async with self._database.session() as session:
            returned = await session.scalars(query.returning(GroupRow).execution_options(synchronize_session=False))
            return returned.one_or_none()

    async def _by_key(self, key: str) -> GroupRow | None:
        async with self._database.reading() as session:
            return await session.scalar(select(GroupRow).where(GroupRow.idempotency_key == key))
