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
        for line in _new_lines(path, offset):
            try:
                event = EVENT.validate_json(line)
            except ValidationError:
                break  # damaged: the supervisor cuts the log off here when the run ends, and says so
            offset += len(line)
            if event.seq > after:
                yield event
            if isinstance(event, TERMINAL):
                return
        await asyncio.sleep(POLL_SECONDS)


def _new_lines(path: Path, offset: int) -> list[bytes]:
    """The whole lines that begin at `offset`; a line still being written is left for later."""
    if not path.exists() or path.stat().st_size <= offset:
        return []
    with path.open("rb") as file:
        file.seek(offset)
        return [line for line in file.read().splitlines(keepends=True) if line.endswith(b"\n")]
