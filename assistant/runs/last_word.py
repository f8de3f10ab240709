"""How a run ended: read from its event log, or written there for a process that is gone without a word."""

import shutil
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from assistant.machine.disk_room import FULL_BYTES
from assistant.store.tables import Outcome
from engine.contract.continuing import epochs_kept
from engine.contract.events import Event, EventLog, Failed, Finished, Stopped, last_event
from engine.contract.folder import RunFolder
from engine.contract.plain_files import read_end

LOG_LINES = 20
LOG_BYTES = 128 << 10  # of the end of a log; escaped in JSON they fit into one line of the event log


def open_for_last_word(folder: Path) -> EventLog:
    """The log of a run whose process is gone. It has one writer: while it is open, nobody else gives the run its end.

    Raises:
        LogInUse: another process writes it.
    """
    return EventLog(folder, repair=True)


def say(log: EventLog, folder: Path, otherwise: Finished | Failed | Stopped) -> Event:
    """The event that ended the run; when there is none, `otherwise` is written as the end.

    Raises:
        OSError: the disk takes nothing.
    """
    if log.ended:
        end = last_event(folder)
        assert end is not None, f"the log of {folder.name} has ended, and its end cannot be read"
        return end
    if log.damage:
        hint = f"the old log is kept as {log.kept}; {_again(folder)}"
        otherwise = Failed(code="error", reason=f"the run's event log is damaged: {log.damage}", hint=hint)
    return log.append(otherwise)


@dataclass(frozen=True)
class AttemptEnd:
    """How an attempt ended, and in words why, where it left no last word."""

    outcome: Outcome
    exit_code: int | None = None
    reason: str | None = None


def end_of(outcome: Outcome, exit_code: int | None = None, *, told: str = "", seconds: float = 0.0) -> AttemptEnd:
    """An end with its words. `told` is what the executor says of it; `seconds` how long it showed no sign of life."""
    match outcome:
        case "killed" if exit_code is not None and exit_code < 0:
            how = f"the training process was killed by signal {-exit_code} ({signal.Signals(-exit_code).name})"
        case "exited" if exit_code is not None:
            how = f"the training process ended with exit code {exit_code} and left no last word"
        case "silent":
            how = f"the training process showed no sign of life for {seconds:g} s and was ended"
        case "limit":
            how = "the training process did not end at its time limit and was ended"
        case "never_began":
            how = "the training process never began"
        case _:
            how = "the training process is gone and left no last word"
    return AttemptEnd(outcome, exit_code, f"{how} ({told})" if told else how)


def without_last_word(over: AttemptEnd, folder: Path, log: Sequence[str] = ()) -> Failed:
    """What is said of a run whose process is gone: how, the last lines it printed, and a full disk."""
    free = shutil.disk_usage(folder).free
    if free < FULL_BYTES:
        reason = f"the training process is gone; the disk is full ({free >> 20} MiB free in {folder.parent})"
        return Failed(code="disk", reason=reason, hint=f"make room on the disk, then {_again(folder)}", log=list(log))
    hint = (
        f"{_again(folder)}; if it happens again, plan it anew with a smaller batch_size or image_size: the machine may "
        "have run out of memory"
    )
    return Failed(code="killed", reason=over.reason or over.outcome, hint=hint, log=list(log))


def _again(folder: Path) -> str:
    """What can be done with a run that ended like this."""
    kept = epochs_kept(folder)
    return "start the run again, from its beginning" if kept is None else f"go on with the run, after epoch {kept}"


def log_tail(folder: Path, lines: int) -> Sequence[str]:
    """The last lines that the run's process printed."""
    path = RunFolder(folder).log
    try:
        end = read_end(path, LOG_BYTES)
    except FileNotFoundError:
        return []
    except OSError as error:
        return [f"({path.name} cannot be read: {error.strerror})"]
    if len(end) == LOG_BYTES:  # the first line may be a piece, in which a key could not be seen
        end = end.partition(b"\n")[2] or end
    return end.decode("utf-8", errors="replace").splitlines()[-lines:]
