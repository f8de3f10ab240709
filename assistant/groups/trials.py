"""What the database knows of the trials of a group: in what each differs, why it was cut short, and how long they have worked."""

from collections.abc import Sequence
from typing import Any

from assistant.runs.took import took
from assistant.store.tables import RunRow, now


def differs_of(row: RunRow) -> dict[str, Any]:
    """The settings in which a run differs from the others of its group."""
    return dict((row.trial or {}).get("differs", {}))


def number_of(row: RunRow) -> int:
    """Which of its group it is, from 1."""
    return int((row.trial or {}).get("number", 0))


def is_cut(row: RunRow) -> str | None:
    """Why it was not gone on with, where it was ended before its end: worse, or budget."""
    cut = (row.trial or {}).get("cut")
    return str(cut) if cut is not None and row.state != "succeeded" else None


def spent_s(rows: Sequence[RunRow]) -> float:
    """Seconds that they have worked so far, all together; the time that runs of others took meanwhile is not counted."""
    return sum(worked_s(row) for row in rows)


def worked_s(row: RunRow) -> float:
    if row.state == "running" and row.started_at is not None:
        return max((now() - row.started_at).total_seconds(), 0.0)
    return took(row) or 0.0
