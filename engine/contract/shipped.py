"""The log of a run that computes elsewhere: the lines that were written there are added to the one here, batch by batch.

A batch may come twice, or in part, or again from the beginning after this side lost its file: what is here already is left out, what
would leave a gap is refused with the number that is wanted, and what tells another story than the log is refused for good. The log has
one writer, as every log (engine/contract/events.py); it is opened for a batch and read at its end alone, however long it is.
"""

import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from engine.contract.events import (
    CHECKED,
    LONGEST_LINE,
    TERMINAL,
    DamagedLog,
    Event,
    EventLog,
    LogInUse,
    as_line,
    read_line,
)
from engine.contract.folder import RunFolder
from engine.contract.plain_files import NotPlain, append_plain, read_end

USUAL_END = 1 << 16  # bytes of a log that are read to find where it ends


class Gap(ValueError):
    """What was sent does not follow what is here; `expected` is the number of the event that would."""

    def __init__(self, expected: int):
        self.expected = expected
        super().__init__(f"the log goes on with event {expected}")


class AnotherStory(ValueError):
    """An event has the number of one that is here, and tells something else: two processes report as the same attempt."""


class NoEvents(ValueError):
    """What was sent is no whole lines of an event log, each with its checksum."""


class ShippedLog:
    """The log in a run's folder, to which no one else writes while it is open here. `seq` is its last event, `ended` whether that was the
    run's last word. What a damaged log holds from the damage on is cut off, to be sent again.

    Raises:
        LogInUse: another process writes it.
        OSError: it cannot be written.
    """

    def __init__(self, run: Path):
        try:
            self._open(run)
        except (DamagedLog, NotPlain):
            EventLog(run, repair=True).close()
            self._open(run)

    def _open(self, run: Path) -> None:
        path = RunFolder(run).events
        self._file = append_plain(path)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            size = os.fstat(self._file.fileno()).st_size
            end = _whole_end(path)
            whole, _, torn = end.rpartition(b"\n")
            self._size = size - len(torn)
            self._latest = _lines_by_seq(whole, is_all=len(end) == size, name=path.name)
        except BlockingIOError:
            self._file.close()
            raise LogInUse(f"another process writes {path}") from None
        except BaseException:
            self._file.close()
            raise
        self.seq = max(self._latest, default=0)
        self.ended = self.seq > 0 and isinstance(read_line(self._latest[self.seq]), TERMINAL)

    def add(self, lines: bytes, *, last_word: bool = False) -> int:
        """Add whole lines of the log elsewhere; those that are here already are left out. The number of the last event that is here then.

        Args:
            last_word: the one line that ends the run, which no other batch may hold.

        Raises:
            NoEvents, Gap, AnotherStory: nothing was added.
            OSError: nothing was added; the disk is full or gone.
        """
        new = self._new(lines, last_word=last_word)
        self._write([as_line(event) for event in new])
        self.ended = self.ended or (last_word and bool(new))
        return self.seq

    def check(self, last_word: bytes) -> None:
        """
        Raises:
            NoEvents, Gap, AnotherStory: this line would not be taken as the run's last word.
        """
        self._new(last_word, last_word=True)

    def _new(self, lines: bytes, *, last_word: bool) -> list[Event]:
        new: list[Event] = []
        for event in understood(lines, last_word=last_word):
            if event.seq <= self.seq:
                self._compare(event)
            elif event.seq != self.seq + len(new) + 1:
                raise Gap(self.seq + 1)
            elif self.ended:
                raise AnotherStory(f"event {event.seq} comes after the last word of the run")
            else:
                new.append(event)
        return new

    def _compare(self, event: Event) -> None:
        here = self._latest.get(event.seq)  # one further back was compared when it was among the latest
        if here is not None and as_line(read_line(here)) != as_line(event):
            raise AnotherStory(f"another event {event.seq} is here already")

    def _write(self, lines: Sequence[bytes]) -> None:
        if not lines:
            return
        block = b"".join(lines)
        left = memoryview(block)
        try:
            self._file.truncate(self._size)
            while left:
                left = left[self._file.write(left) :]
        except OSError:
            with suppress(OSError):
                self._file.truncate(self._size)
            raise
        self._size += len(block)
        self._latest |= {self.seq + place: line for place, line in enumerate(lines, 1)}
        self.seq += len(lines)

    def close(self) -> None:
        self._file.close()


def understood(lines: bytes, *, last_word: bool) -> list[Event]:
    """The events of whole lines, in their order.

    Raises:
        NoEvents: one is none, or has no checksum or another; they do not follow each other; one is a last word that should be none, or
            the other way round.
    """
    *whole, torn = lines.split(b"\n")
    if torn or not whole:
        raise NoEvents("a batch is whole lines, each with its end")
    events: list[Event] = []
    for line in whole:
        if len(line) >= LONGEST_LINE or CHECKED.search(line + b"\n") is None:
            raise NoEvents("a line is too long, or has no checksum")
        try:
            event = read_line(line + b"\n")
        except ValueError:
            raise NoEvents("a line is no event, or not what was written") from None
        if event.seq < 1 or (events and event.seq != events[-1].seq + 1):
            raise NoEvents(f"event {event.seq} does not follow the one before")
        if isinstance(event, TERMINAL) is not last_word:
            raise NoEvents("the last word of a run comes alone, with its files")
        events.append(event)
    return events


def _whole_end(path: Path) -> bytes:
    """The end of a log with at least one whole line in it, where there is one."""
    end = read_end(path, USUAL_END)
    return end if end.count(b"\n") > 1 or len(end) < USUAL_END else read_end(path, 2 * LONGEST_LINE)


def _lines_by_seq(whole: bytes, *, is_all: bool, name: str) -> dict[int, bytes]:
    """The last lines of a log by their numbers; where the log is longer, the first one may be a piece.

    Raises:
        DamagedLog: the last line holds no event, or they do not follow each other.
    """
    lines = [line + b"\n" for line in whole.split(b"\n")] if whole else []
    if is_all and not lines:
        return {}
    try:
        last = read_line(lines[-1]).seq
    except (IndexError, ValueError):
        raise DamagedLog(f"the last line of {name} cannot be read") from None
    if last < len(lines) or (is_all and last != len(lines)):
        raise DamagedLog(f"{name} holds event {last} in another place")
    return {last - place: line for place, line in enumerate(lines[::-1][: None if is_all else -1])}
