"""Plans that wait for a person's yes. An approval names the revision it saw; only the open revision can be approved."""

import secrets
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from assistant.plans.plan import Plan
from assistant.refused import Refused
from assistant.store.database import Database
from assistant.store.tables import ProposalRow


class StalePlan(Refused):
    """The plan changed, or was decided, since the page showed it."""

    status = 409

    def __init__(self, message: str):
        super().__init__("stale", message)


class Proposals:
    """The plans of one workspace."""

    def __init__(self, database: Database):
        self._database = database

    async def add(self, plan: Plan, *, conversation: str | None) -> tuple[ProposalRow, list[ProposalRow]]:
        """Store a plan as open. The conversation's older open plans are superseded by it; they are returned too."""
        row = ProposalRow(id=f"p{secrets.randbelow(10**9):09d}", conversation=conversation, **_content(plan))
        async with self._database.session() as session:
            superseded = await _supersede(session, conversation)
            session.add(row)
        return row, superseded

    async def get(self, proposal: str) -> ProposalRow | None:
        async with self._database.reading() as session:
            return await session.get(ProposalRow, proposal)

    async def of_run(self, run: str) -> ProposalRow | None:
        """The plan that was approved as this run."""
        async with self._database.reading() as session:
            return (await session.scalars(select(ProposalRow).where(ProposalRow.run == run).limit(1))).first()

    async def of(self, conversation: str) -> list[ProposalRow]:
        """Every plan of a conversation, the oldest first."""
        query = select(ProposalRow).where(ProposalRow.conversation == conversation).order_by(ProposalRow.created_at)
        async with self._database.session() as session:
            return list(await session.scalars(query))

    async def reopen(self, row: ProposalRow, plan: Plan) -> tuple[ProposalRow, list[ProposalRow]]:
        """Open a declined or superseded plan again, with new content; the plans that it supersedes are returned too.

        Raises:
            StalePlan: it is neither declined nor superseded any more.
        """
        taken = update(ProposalRow).where(
            ProposalRow.id == row.id,
            ProposalRow.revision == row.revision,
            ProposalRow.state.in_(("declined", "superseded")),
        )
        taken = taken.values(state="open", revision=row.revision + 1, **_content(plan))
        async with self._database.session() as session:
            superseded = await _supersede(session, row.conversation)
            opened = (await session.scalars(taken.returning(ProposalRow))).one_or_none()
            if opened is None:
                raise StalePlan(f"plan {row.id} was changed or decided in the meantime; look at it again")
        return opened, superseded

    async def latest_open(self, conversation: str) -> ProposalRow | None:
        """The plan that 'yes' means."""
        query = select(ProposalRow).where(ProposalRow.conversation == conversation, ProposalRow.state == "open")
        async with self._database.reading() as session:
            return (await session.scalars(query.order_by(ProposalRow.created_at.desc()).limit(1))).first()

    async def revise(self, proposal: str, revision: int, plan: Plan) -> ProposalRow:
        """Replace the content of an open plan.

        Raises:
            StalePlan: it is no longer open at that revision.
        """
        return await self._change(proposal, revision, revision=revision + 1, **_content(plan))

    async def approve(self, proposal: str, revision: int) -> ProposalRow:
        """The person's yes to exactly this revision.

        Raises:
            StalePlan: it is no longer open at that revision.
        """
        return await self._change(proposal, revision, state="approved")

    async def decline(self, proposal: str) -> ProposalRow | None:
        """The person's no, whatever the revision; None when the plan was decided before."""
        query = (
            update(ProposalRow)
            .where(ProposalRow.id == proposal, ProposalRow.state == "open")
            .values(state="declined")
            .returning(ProposalRow)
        )
        async with self._database.session() as session:
            return (await session.scalars(query)).one_or_none()

    async def withdraw_approval(self, proposal: str) -> None:
        """Take an approval back whose run could not be started."""
        query = update(ProposalRow).where(
            ProposalRow.id == proposal, ProposalRow.state == "approved", ProposalRow.run.is_(None)
        )
        async with self._database.session() as session:
            await session.execute(query.values(state="open"))

    async def note_run(self, proposal: str, run: str) -> None:
        async with self._database.session() as session:
            await session.execute(update(ProposalRow).where(ProposalRow.id == proposal).values(run=run))

    async def _change(self, proposal: str, seen: int, **values: Any) -> ProposalRow:
        query = (
            update(ProposalRow)
            .where(ProposalRow.id == proposal, ProposalRow.revision == seen, ProposalRow.state == "open")
            .values(**values)
            .returning(ProposalRow)
        )
        async with self._database.session() as session:
            row = (await session.scalars(query)).one_or_none()
        if row is None:
            raise StalePlan(f"plan {proposal} was changed or decided in the meantime; look at it again")
        return row


async def _supersede(session: AsyncSession, conversation: str | None) -> list[ProposalRow]:
    """The open plans of a conversation, none of which is open any more."""
    older = update(ProposalRow).where(ProposalRow.conversation == conversation, ProposalRow.state == "open")
    return list(await session.scalars(older.values(state="superseded").returning(ProposalRow)))


def _content(plan: Plan) -> dict[str, Any]:
    return {
        "kind": plan.spec.kind,
        "dataset": plan.spec.dataset,
        "subject": plan.spec.subject,
        "chosen": plan.chosen,
        "spec": plan.spec.model_dump(mode="json"),
        "fingerprint": plan.facts.fingerprint,
        "group": plan.approved.model_dump(mode="json") if plan.approved is not None else None,
    }
