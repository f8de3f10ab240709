"""Replay, then live: the events of a run as they lie in its log and as they are added."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

from pydantic import ValidationError

from engine.events import EVENT, TERMINAL, Event

POLL_SECONDS = 0.1


async def follow(folder: Path, after: int = 0) -> AsyncIterator[Event]:
    """Yield every event whose `seq` is greater than `after`, in order and without gaps; end after the run's last event.

    Waits for a run that has not begun. Each reader goes on from where it was, so a long log is read once.
    """
    path, offset = folder / "events.jsonl", 0
    while True:
        events, offset = await asyncio.to_thread(_new_events, path, offset)
        for event in events:
            if event.seq > after:
                yield event
            if isinstance(event, TERMINAL):
                return
        await asyncio.sleep(POLL_SECONDS)


def _new_events(path: Path, offset: int) -> tuple[list[Event], int]:
    """The whole events that begin at `offset`, and where they end; a line still being written is left for later."""
    if not path.exists() or path.stat().st_size <= offset:
        return [], offset
    events: list[Event] = []
    with path.open("rb") as file:
        file.seek(offset)
        for line in file.read().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            try:
                events.append(EVENT.validate_json(line))
            except ValidationError:
                break  # damaged: the supervisor cuts the log off here when the run ends, and says so
            offset += len(line)
    return events, offset
