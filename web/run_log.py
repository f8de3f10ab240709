"""A run's log in the reader's words: what it reported (its events), each with its moment and its weight, and what its process printed."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from assistant.runs.run_log import every_line, read_piece
from assistant.tools.wording import Wording
from assistant.workspace import Workspace
from engine.contract.events import (
    Artifact,
    Batches,
    Collection,
    Epoch,
    Evaluation,
    Event,
    Failed,
    Finished,
    Fitting,
    Started,
    Stopped,
    System,
    Warned,
    read_line,
)
from engine.contract.folder import RunFolder
from prompts.durations import duration

Level = Literal["detail", "info", "warning", "error"]
What = Literal["steps", "everything", "problems", "printed"]  # what is shown of a log
LEVELS: dict[What, tuple[Level, ...]] = {
    "steps": ("info", "warning", "error"),
    "everything": ("detail", "info", "warning", "error"),
    "problems": ("warning", "error"),
}
MOST_LINES = 2000  # that are told at once


@dataclass(frozen=True)
class Line:
    """`time` is in seconds since 1970-01-01 UTC; None: nobody noted it."""

    text: str
    level: Level = "info"
    time: float | None = None


@dataclass(frozen=True)
class Told:
    """Lines, and where the next ones begin (assistant/runs/run_log.py)."""

    lines: list[Line]
    end: int
    anew: bool
    left_out: bool


def tell_log(workspace: Workspace, folder: RunFolder, words: Wording, what: What, at: int | None) -> Told:
    """What follows byte `at` of the file that it lies in, or the end of that file where this is None."""
    if what == "printed":
        piece = read_piece(folder.log, at)
        lines = [Line(workspace.mask.text(line)) for line in piece.lines[-MOST_LINES:]]
        is_cut = len(lines) < len(piece.lines)
    else:
        piece = read_piece(folder.events, at)
        told = [each for line in piece.lines if (each := _told(workspace, words, line)).level in LEVELS[what]]
        lines = told[-MOST_LINES:]
        is_cut = len(lines) < len(told)
    return Told(lines, piece.end, piece.anew, piece.left_out or is_cut)


def whole_log(workspace: Workspace, folder: RunFolder, words: Wording) -> Iterator[str]:
    """All of it as text, to be kept: events with their moment in UTC, then what the process printed."""
    for line in every_line(folder.events):
        told = _told(workspace, words, line)
        moment = datetime.fromtimestamp(told.time, UTC).isoformat(timespec="milliseconds") if told.time else "-"
        yield f"{moment}\t{told.level}\t{told.text}\n"
    yield f"\n--- {words('log.printed')} ---\n"
    for line in every_line(folder.log):
        yield f"{workspace.mask.text(line)}\n"


def _told(workspace: Workspace, words: Wording, line: str) -> Line:
    try:
        event = read_line(f"{line}\n".encode())
    except ValueError:
        return Line(words("log.damaged"), "warning")
    level, text = _level(event), _text(event, words)
    return Line(workspace.mask.text(text), level, event.time)


def _level(event: Event) -> Level:
    match event:
        case Failed():
            return "error"
        case Warned():
            return "warning"
        case Batches() | Collection() | Fitting() | System():
            return "detail"
    return "info"


def _text(event: Event, words: Wording) -> str:
    match event:
        case Started():
            return " · ".join([words("log.started"), *_continued(event, words)])
        case Epoch():
            figures = {"loss": event.loss, "val_loss": event.val_loss, **event.figures, "lr": event.lr}
            best = [words("log.best")] if event.best else []
            return " · ".join(
                [words("run.epoch", epoch=event.epoch, epochs=event.epochs), *_figures("read", figures, words), *best]
            )
        case Batches() if event.what not in ("validating", "writing"):
            return words("run.images", done=event.done, total=event.total)
        case Batches() | Fitting():
            return words.coded("run", event.what, {"done": event.done, "total": event.total}, event.what)
        case Collection():
            return words("run.images", done=event.images, total=event.total_images)
        case System():
            gpu = [] if event.gpu_memory_mb is None else [f"{words('read.gpu')} {event.gpu_memory_mb:.0f} MB"]
            return " · ".join(
                [
                    f"{words('log.cpu')} {event.cpu_percent:.0f} %",
                    f"{words('read.memory')} {event.memory_mb:.0f} MB",
                    *gpu,
                ]
            )
        case Evaluation():
            return " · ".join([words("log.measured"), *_figures("metric", event.metrics, words)])
        case Artifact():
            return words("log.saved", path=event.path)
        case Warned():
            return words.coded("notice", event.code, event.values, event.message)
        case Finished():
            total = event.seconds.get("total")
            took = [] if total is None else [words("run.took", time=duration(total, words.language))]
            return " · ".join([words("state.succeeded"), *took])
        case Failed():
            title = words.coded("failure", event.code, {}, words("failure.error"))
            return "; ".join(part for part in (f"{title}: {event.reason}", event.hint) if part)
        case Stopped():
            return words("state.stopped")
    return words.coded("stage", event.name, {}, event.name)


def _continued(event: Started, words: Wording) -> list[str]:
    if event.continues is None:
        return []
    if event.after_epoch is None:
        return [words("run.starts_again", run=event.continues)]
    return [words("run.continues_from", run=event.continues, epoch=event.after_epoch)]


def _figures(kind: str, figures: dict[str, float | None], words: Wording) -> list[str]:
    return [f"{words.coded(kind, name, {}, name)} {value:.4g}" for name, value in figures.items() if value is not None]
