"""How a run stands: what was tried of it, its place in the queue, and what it waits for. Page, command line and conversation say this alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from assistant.runs.attempts import Attempts
from assistant.runs.queue import Queue
from assistant.store.tables import AttemptRow, RunRow, now

Why = Literal["paused", "retry", "slot", "place"]


@dataclass(frozen=True)
class Tried:
    """One attempt. `outcome` is None while it goes on; `reason` says in words why it ended, where it left no last word."""

    number: int
    executor: str
    node: str | None
    device: str | None  # assistant/runs/devices.py
    state: str
    submitted_at: datetime
    began_at: datetime | None
    ended_at: datetime | None
    outcome: str | None
    exit_code: int | None
    reason: str | None


@dataclass(frozen=True)
class Standing:
    """`why` is what a run waits for: the queue that is paused, its next attempt (in `wait_s` seconds), a slot, or a place where it computes
    (`place`: it was submitted there and has not begun). None: it waits for nothing. `position` counts from 1 among those that wait."""

    attempts: list[Tried]
    executor: str
    node: str | None  # where its latest attempt computes
    device: str | None  # on which device there
    priority: int
    not_before: datetime | None
    wait_s: float | None
    position: int | None
    waiting: int
    ahead: list[str]  # the runs one of which must end before it can start
    paused_since: datetime | None
    why: Why | None


async def standing_of(queue: Queue, attempts: Attempts, row: RunRow) -> Standing:
    """As it is now. Of a run in another home its place in the queue is not known here."""
    tried = await attempts.of(row.id)
    waiting = [each.id for each in await queue.waiting()]
    position = waiting.index(row.id) + 1 if row.state == "queued" and row.id in waiting else None
    paused_since = await queue.paused_since() if position is not None else None
    wait_s = max(0.0, (row.not_before - now()).total_seconds()) if row.not_before is not None else None
    ahead = list(await queue.waits_for(row))
    return Standing(
        attempts=[_tried(each) for each in tried],
        executor=row.executor,
        node=tried[-1].node if tried else None,
        device=tried[-1].device if tried else None,
        priority=row.priority,
        not_before=row.not_before,
        wait_s=wait_s,
        position=position,
        waiting=len(waiting),
        ahead=ahead,
        paused_since=paused_since,
        why=_why(row, tried, position=position, paused=paused_since is not None, wait_s=wait_s, ahead=ahead),
    )


def _why(
    row: RunRow,
    tried: Sequence[AttemptRow],
    *,
    position: int | None,
    paused: bool,
    wait_s: float | None,
    ahead: Sequence[str],
) -> Why | None:
    if row.state == "running":
        return "place" if tried and tried[-1].state in ("submitting", "submitted") else None
    if position is None:
        return None
    if paused:
        return "paused"
    if wait_s:
        return "retry"
    return "slot" if ahead else None


def _tried(row: AttemptRow) -> Tried:
    return Tried(
        number=row.number,
        executor=row.executor,
        node=row.node,
        device=row.device,
        state=row.state,
        submitted_at=row.submitted_at,
        began_at=row.began_at,
        ended_at=row.ended_at,
        outcome=row.outcome if row.state == "ended" else None,
        exit_code=row.exit_code,
        reason=row.reason,
    )
