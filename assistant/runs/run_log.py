"""The files that a run's log lies in, read a piece at a time: they may be long, and somebody may be writing them."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from engine.contract.plain_files import open_plain

MOST_BYTES = 1 << 20  # that are read at once
LONGEST_LINE = 1 << 16  # bytes; more without an end of line are told as they are


@dataclass(frozen=True)
class Piece:
    """Whole lines of a file, the oldest first, and the byte at which the next piece begins.

    `anew`: they are the file's end, whatever was read of it before. `left_out`: there are older lines that no piece told.
    """

    lines: list[str]
    end: int
    anew: bool
    left_out: bool


def read_piece(path: Path, at: int | None = None, *, most: int = MOST_BYTES) -> Piece:
    """What follows byte `at` of the file, or its end where that is None, lies too far back, or lies beyond what there is by now.

    A last line that has no end yet is left for later. A file that is not there has no lines; one that cannot be read has one that says so.
    """
    try:
        with open_plain(path) as file:
            size = file.seek(0, 2)
            anew = at is None or not 0 <= at <= size or size - at > most
            start = max(0, size - most) if anew or at is None else at
            file.seek(start)
            content = file.read(most)
    except FileNotFoundError:
        return Piece([], 0, at != 0, left_out=False)
    except OSError as error:
        return Piece([f"({path.name} cannot be read: {error.strerror})"], 0, anew=True, left_out=False)
    is_piece = anew and start > 0  # its first line may be a piece, in which a key could not be seen
    whole = content[: content.rfind(b"\n") + 1]
    if not whole and len(content) > LONGEST_LINE:
        whole = content
    shown = whole.partition(b"\n")[2] if is_piece else whole
    return Piece([_text(line) for line in shown.split(b"\n")[:-1]], start + len(whole), anew, left_out=is_piece)


def every_line(path: Path) -> Iterator[str]:
    """All lines of a file that it has by now, one after the other; none of one that is not there or cannot be read."""
    try:
        with open_plain(path) as file:
            left = file.seek(0, 2)
            file.seek(0)
            while left > 0 and (line := file.readline(min(MOST_BYTES, left))):
                left -= len(line)
                yield _text(line.rstrip(b"\n"))
    except OSError:
        return


def _text(line: bytes) -> str:
    """Of a line that was written over with carriage returns, what stood there last."""
    return line.decode("utf-8", errors="replace").rstrip("\r").rpartition("\r")[2]
