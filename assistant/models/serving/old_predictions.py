"""Predictions that are so old that they need not be on record any more. One of whose picture a person said what it is stays."""

import logging

from sqlalchemy import delete, select

from assistant.store.database import Database
from assistant.store.tables import FeedbackRow, PredictionRow

logger = logging.getLogger(__name__)

BATCH = 500  # rows of one transaction, so that nobody waits long for another


async def drop_old(database: Database, *, home: str, most: int) -> int:
    """Drop the predictions of a home but the newest so many and those with feedback; gives how many went."""
    of_home = PredictionRow.home == home
    unsaid = PredictionRow.id.not_in(select(FeedbackRow.prediction))
    newest = select(PredictionRow.id).where(of_home).order_by(PredictionRow.id.desc())
    async with database.reading() as session:
        last = await session.scalar(newest.offset(most).limit(1))
    if last is None:
        return 0
    old = select(PredictionRow.id).where(of_home, PredictionRow.id <= last, unsaid).order_by(PredictionRow.id)
    dropped = 0
    while True:
        async with database.session() as session:
            ids = (await session.scalars(old.limit(BATCH).with_for_update())).all()
            # what somebody said before the lock was had is seen only now
            going = delete(PredictionRow).where(PredictionRow.id.in_(ids), unsaid)
            await session.execute(going.execution_options(synchronize_session=False))
        dropped += len(ids)
        if len(ids) < BATCH:
            logger.info("%d old predictions were dropped", dropped)
            return dropped
