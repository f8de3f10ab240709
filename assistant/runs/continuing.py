"""What is left of a run that ended without a result: which run continues it, or what one that took its place would do.

A run's state never leaves a terminal one, so continuing is a new run with the same settings on the same data. Each run is continued at
most once; whoever asks again means the run that continues it. How one comes about stands in assistant/plans/continuing.py.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.runs.queue import Queue
from assistant.store.tables import RunRow
from engine.contract.continuing import epochs_kept
from engine.contract.jobs import read_job

ENDED_WITHOUT_RESULT = ("failed", "stopped")


@dataclass(frozen=True)
class Rest:
    """What is left to do: after which epoch of how many it continues; None where it starts from the beginning, or knows no epochs."""

    after_epoch: int | None
    epochs: int | None


async def what_is_left(runs: Queue, row: RunRow) -> Rest | None:
    """What the run that takes this one's place would do; None where none can: it is continued already, did not end without a result,
    or lies in another home."""
    if not runs.place.has(row) or row.state not in ENDED_WITHOUT_RESULT or await runs.continuation(row.id) is not None:
        return None
    return await rest_of(runs, row)


async def what_is_left_of(runs: Queue, rows: Sequence[RunRow]) -> dict[str, "str | Rest | None"]:
    """The same of many at once, by their ids: the id of the run that took one's place, what one would do, None where none can."""
    ended = [row for row in rows if row.state in ENDED_WITHOUT_RESULT]
    taken = await runs.continuations([row.id for row in ended])
    here = [row for row in ended if row.id not in taken and runs.place.has(row)]
    rests = await asyncio.to_thread(lambda: {row.id: rest_in(runs.folder_of(row), row) for row in here})
    return {row.id: taken.get(row.id) or rests.get(row.id) for row in ended}


async def rest_of(runs: Queue, row: RunRow) -> Rest:
    return await asyncio.to_thread(rest_in, runs.folder_of(row), row)


def rest_in(folder: Path, row: RunRow) -> Rest:
    """What is left of the run with this folder."""
    try:
        epochs = read_job(row.spec).all_epochs
    except ValueError:  # of another version
        epochs = None
    return Rest(after_epoch=epochs_kept(folder), epochs=epochs)


async def latest_of(runs: Queue, row: RunRow) -> RunRow:
    """The run that stands for this one now: itself, or the last one that took its place."""
    while (next_row := await runs.continuation(row.id)) is not None:
        row = next_row
    return row
