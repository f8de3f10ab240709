"""The files of pictures that a run's model remembers, wherever they lie."""

import asyncio
from pathlib import Path

from assistant.runs.queue import Queue, UnknownRun
from assistant.store.tables import RunRow
from engine.contract.jobs import read_job
from engine.contract.picture_files import picture_inside


async def picture_learnt_from(runs: Queue, row: RunRow, name: str) -> Path | None:
    """None: it is gone. One of a run whose memory was extended is called RUN:NAME, and lies in that run's data set."""
    at = row
    try:
        while earlier := next((run for run in read_job(at.spec).built_on if name.startswith(f"{run}:")), None):
            at, name = await runs.get(earlier), name.removeprefix(f"{earlier}:")
    except (UnknownRun, ValueError):
        return None
    return await asyncio.to_thread(picture_inside, Path(at.data_path), name)
