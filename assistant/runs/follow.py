"""Replay, then live: the events of a run as they lie in its log and as they are added. Never more than a block of it is held at once."""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.contract.events import TERMINAL, DamagedLog, Event, numbered, whole_lines
from engine.contract.folder import RunFolder
from engine.contract.plain_files import open_plain

POLL_SECONDS = 0.1
POLLS_BETWEEN_LOOKS = 10  # at whether a run that tells nothing has ended
MOST_EVENTS = 1000  # that are read at once
BLOCK = 4 << 20  # bytes that are read at once; a log that is shorter is told whole
LIVE = 64 << 10  # bytes; so is what a run tells between two looks
CURVES = ("collection", "batches", "system")  # points of curves: among very many some show the same line
POINTS = 1500  # of a log that are told of such events, beside the newest of each type before any other event
OTHERS = re.compile(rb'"type":"(?!(?:%s)")' % "|".join(CURVES).encode())


@dataclass(frozen=True)
class _Read:
    """Events of a log, where the next one begins, its number less one, and what is wrong with it."""

    events: list[Event]
    offset: int
    seq: int
    damage: str = ""


async def follow(
    folder: Path, after: int = 0, *, has_ended: Callable[[], Awaitable[bool]], thinned: bool = False
) -> AsyncIterator[Event]:
    """Yield every event whose `seq` is greater than `after`, in order and without gaps; end after the run's last event.

    Waits for a run that has not begun. Each reader goes on from where it was, so a long log is read once. `has_ended` tells
    whether the run has its end, whatever its log says: then nothing more comes.

    Args:
        thinned: of a log of many megabytes leave out points of its curves, evenly; every other event is told, and the newest of each type before it.

    Raises:
        DamagedLog: the run has ended, and the rest of its log cannot be read or is missing.
    """
    path, at, idle = RunFolder(folder).events, _Read([], 0, 0), 0
    while True:
        is_over = idle % POLLS_BETWEEN_LOOKS == 1 and await has_ended()  # asked first: its last word is written before
        before = at.offset
        at = await asyncio.to_thread(_next, path, at.offset, at.seq, after if thinned else None)
        for event in at.events:
            if event.seq > after:
                yield event
            if isinstance(event, TERMINAL):
                return
        if at.offset > before:
            idle = 0
            continue  # there may be more
        if is_over:
            raise DamagedLog(at.damage or f"{path.name} ends after event {at.seq} without the last word of the run")
        idle += 1
        await asyncio.sleep(POLL_SECONDS)


def _next(path: Path, offset: int, seq: int, thinned_after: int | None) -> _Read:
    """The events that begin at `offset` and follow event `seq`, as many as are read at once.

    A line still being written is left for later; so is a damaged one: the supervisor cuts the log off there when the run ends.
    """
    events: list[Event] = []
    try:
        size = path.stat().st_size if path.is_file() else 0  # what is no plain file is refused as it is opened
        if path.is_file() and size <= offset:
            return _Read([], offset, seq)
        with open_plain(path) as file:
            file.seek(offset)
            if thinned_after is not None and size >= BLOCK and size - offset >= LIVE:
                block = file.read(BLOCK)
                if whole := block[: block.rfind(b"\n") + 1]:
                    return _thinned(whole, offset, seq, thinned_after, size // POINTS, path.name)
                file.seek(offset)
            for line in itertools.islice(whole_lines(file), MOST_EVENTS):
                events.append(numbered(line, seq + len(events) + 1, path.name))
                offset += len(line)
    except DamagedLog as error:
        return _Read(events, offset, seq + len(events), str(error))
    except FileNotFoundError:
        return _Read(events, offset, seq + len(events))
    except OSError as error:
        return _Read(events, offset, seq + len(events), f"{path.name} cannot be read: {error.strerror}")
    return _Read(events, offset, seq + len(events))


def _thinned(block: bytes, offset: int, seq: int, after: int, step: int, name: str) -> _Read:
    """What is told of a block of whole lines. Each event that is told has the number that its line has in the log.

    Raises:
        DamagedLog: the first line that is told is damaged; where it is a later one, all before it are told first.
    """
    events: list[Event] = []
    last = seq + block.count(b"\n")
    if last <= after:
        return _Read([], offset + len(block), last)
    number, at = seq + 1, 0
    for start in _told(block, step):
        number, at = number + block.count(b"\n", at, start), start
        try:
            events.append(numbered(block[start : block.index(b"\n", start) + 1], number, name))
        except DamagedLog as error:
            return _Read(events, offset + start, number - 1, str(error))
    return _Read(events, offset + len(block), last)


def _told(block: bytes, step: int) -> Iterator[int]:
    """Where the lines begin that are told: all that are no points of curves, and between them some that are, about so many bytes apart."""
    begin = 0
    for found in itertools.chain(OTHERS.finditer(block), [None]):
        end = len(block) if found is None else block.rfind(b"\n", 0, found.start()) + 1
        yield from sorted(set(_some(block, begin, end, step)))
        if found is not None and end >= begin:
            yield end
            begin = block.index(b"\n", end) + 1


def _some(block: bytes, begin: int, end: int, step: int) -> Iterator[int]:
    """Of the lines between these places the newest of each type, and others at even distances."""
    if end <= begin:
        return
    for place in range(begin, end, step):
        start = block.rfind(b"\n", begin, place) + 1 or begin
        yield start
    for each in CURVES:
        if (place := block.rfind(b'"type":"%s"' % each.encode(), begin, end)) >= 0:
            yield block.rfind(b"\n", 0, place) + 1
