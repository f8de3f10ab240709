"""Replay, then live: the events of a run as they lie in its log and as they are added."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from engine.contract.events import TERMINAL, DamagedLog, Event, numbered, whole_lines
from engine.contract.folder import RunFolder
from engine.contract.plain_files import open_plain

POLL_SECONDS = 0.1
POLLS_BETWEEN_LOOKS = 10  # at whether a run that tells nothing has ended


async def follow(folder: Path, after: int = 0, *, has_ended: Callable[[], Awaitable[bool]]) -> AsyncIterator[Event]:
    """Yield every event whose `seq` is greater than `after`, in order and without gaps; end after the run's last event.

    Waits for a run that has not begun. Each reader goes on from where it was, so a long log is read once. `has_ended` tells
    whether the run has its end, whatever its log says: then nothing more comes.

    Raises:
        DamagedLog: the run has ended, and the rest of its log cannot be read or is missing.
    """
    path, offset, seq, idle = RunFolder(folder).events, 0, 0, 0
    while True:
        is_over = idle % POLLS_BETWEEN_LOOKS == 1 and await has_ended()  # asked first: its last word is written before
        events, offset, damage = await asyncio.to_thread(_new_events, path, offset, seq)
        for event in events:
            seq = event.seq
            if event.seq > after:
                yield event
            if isinstance(event, TERMINAL):
                return
        if is_over:
            raise DamagedLog(damage or f"{path.name} ends after event {seq} without the last word of the run")
        idle = 0 if events else idle + 1
        await asyncio.sleep(POLL_SECONDS)


def _new_events(path: Path, offset: int, seq: int) -> tuple[list[Event], int, str]:
    """The whole events that begin at `offset` and follow event `seq`, where they end, and what is wrong with the next one.

    A line still being written is left for later; so is a damaged one: the supervisor cuts the log off there when the run ends.
    """
    events: list[Event] = []
    try:
        if path.is_file() and path.stat().st_size <= offset:
            return [], offset, ""
        with open_plain(path) as file:
            file.seek(offset)
            for line in whole_lines(file):
                events.append(numbered(line, seq + len(events) + 1, path.name))
                offset += len(line)
    except DamagedLog as error:
        return events, offset, str(error)
    except FileNotFoundError:
        return events, offset, ""
    except OSError as error:
        return events, offset, f"{path.name} cannot be read: {error.strerror}"
    return events, offset, ""
