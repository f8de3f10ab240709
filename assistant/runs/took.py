"""How long a run worked: one figure for the chat, the list, the page, the command line and the estimates."""

from pathlib import Path

from assistant.store.tables import RunRow
from engine.contract.events import last_event


def took(row: RunRow, folder: Path | None = None) -> float | None:
    """Seconds that the run's processes worked, the time between them left out; None where nobody knows.

    It was measured by the engine, by a clock that nobody sets. Of runs of older versions the database knows two points in time
    alone. `folder`: the run's, for one that has just ended and which the database has not heard of.
    """
    if row.worked_s is not None:
        return row.worked_s
    if row.started_at is not None and row.finished_at is not None:
        return max((row.finished_at - row.started_at).total_seconds(), 0.0)
    last = last_event(folder) if folder is not None else None
    return last.elapsed_s if last is not None else None
