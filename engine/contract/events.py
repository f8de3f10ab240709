"""What a run reports while it goes on, and the append-only log that holds it.

`RUN/events.jsonl` is the truth about a run: one JSON object a line, `seq` counting 1, 2, 3, ... without gaps. A browser shows
a replay of it. This module loads no torch; the assistant and the web read it as it stands.
"""

import fcntl
import itertools
import math
import os
import re
import time
import zlib
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, BinaryIO, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from engine.contract.folder import RunFolder
from engine.contract.jobs import FIRST_KIND
from engine.contract.plain_files import MOST_BYTES, NotPlain, append_plain, open_plain, read_end

CHECKED = re.compile(rb',"crc":"([0-9a-f]{8})"}\n$')  # how a line ends that tells the checksum of what stands before


Word = Annotated[
    str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")
]  # a kind of run or a model chooses it, and words it for the page
FIGURES_OF_OLDER_LOGS = (
    "psnr",
    "ssim",
    "val_psnr",
    "val_ssim",
    "accuracy",
    "val_accuracy",
)  # which stood beside the loss


class BaseEvent(BaseModel):
    """What every event carries. `seq`, `time`, `elapsed_s` and `crc` are given by the log when the event is appended."""

    model_config = ConfigDict(extra="forbid")

    seq: int = Field(default=0, ge=0, description="position in the log: 1, 2, 3, ... without gaps")
    time: float = Field(
        default=0.0, description="seconds since 1970-01-01 UTC, for display: somebody may set this clock"
    )
    elapsed_s: float | None = Field(
        default=None,
        description="seconds that the run had worked, interruptions left out, by a clock that nobody sets; null in older logs",
    )
    crc: str | None = Field(default=None, exclude=True, description="in the log alone: CRC-32 of what stands before it")

    @model_validator(mode="before")
    @classmethod
    def _no_number_that_is_none(cls, fields: Any) -> Any:
        """JSON has no infinity and no nan: what could not be measured is null, and where it must not be, the event is refused."""
        return _finite(fields)


class Started(BaseEvent):
    """The engine's process is up. Sent before torch is imported."""

    type: Literal["started"] = "started"
    kind: str = Field(default=FIRST_KIND, description="of the run (engine/contract/jobs); older logs know one alone")
    model: str
    dataset: str
    continues: str | None = Field(default=None, description="the run whose place this one takes")
    after_epoch: int | None = Field(
        default=None, description="the epoch after which it goes on; null: it starts from the beginning"
    )
    seconds_before: float = Field(default=0.0, description="that the run it goes on from had worked")

    @model_validator(mode="before")
    @classmethod
    def _without_what_older_logs_tell(cls, fields: Any) -> Any:
        """They have the process's id, which means nothing elsewhere and later, and the model's family."""
        if not isinstance(fields, dict):
            return fields
        return {name: each for name, each in fields.items() if name not in ("pid", "family")}


class Stage(BaseEvent):
    """A new stage of the run begins. The stages of a run and their order stand in the first one."""

    type: Literal["stage"] = "stage"
    name: Word
    stages: list[Word] = Field(description="all stages of this run, in order: those of its job")


class Collection(BaseEvent):
    """A memory model collects features: one event every few batches."""

    type: Literal["collection"] = "collection"
    images: int = Field(description="images seen so far")
    total_images: int
    samples: int = Field(description="feature vectors collected so far")
    batches: int = Field(description="memory batches so far")
    feature_mean: float | None = Field(description="mean of all collected features")
    feature_std: float | None = Field(description="standard deviation of all collected features")
    eta_s: float | None = Field(default=None, description="seconds left in this stage")


class Fitting(BaseEvent):
    """What a model works out besides epochs: from collected features, before the first epoch, or after the last one."""

    type: Literal["fitting"] = "fitting"
    what: Word = Field(description="what it is: the model's or the kind's own word; the page says it as `run.<what>`")
    done: int
    total: int
    bank_size: int | None = Field(default=None, description="entries in the memory bank so far")
    eta_s: float | None = None


class Epoch(BaseEvent):
    """One epoch of what learns by epochs is over. A figure that could not be measured is null, never 0."""

    type: Literal["epoch"] = "epoch"
    epoch: int = Field(ge=1)
    epochs: int = Field(description="epochs planned")
    loss: float
    val_loss: float | None = None
    figures: dict[Word, float | None] = Field(
        default_factory=dict,
        description="what else the model measures of an epoch, such as psnr in dB; of held-out images as val_<name>",
    )
    lr: float
    best: bool = Field(
        description="the best validation loss so far, or training loss where there are no validation images; this state is kept"
    )
    eta_s: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _of_an_older_log(cls, fields: Any) -> Any:
        if not isinstance(fields, dict) or "figures" in fields:
            return fields
        beside = {name: fields[name] for name in FIGURES_OF_OLDER_LOGS if fields.get(name) is not None}
        return {name: each for name, each in fields.items() if name not in FIGURES_OF_OLDER_LOGS} | {"figures": beside}


class Batches(BaseEvent):
    """Progress while pictures are loaded, inside an epoch, or inside an evaluation pass."""

    type: Literal["batches"] = "batches"
    what: Word = Field(
        description="loading, training, validating, evaluating, writing, or what else the kind of run does"
    )
    done: int = Field(description="images done")
    total: int = Field(description="images in all")
    epoch: int | None = None
    eta_s: float | None = None


class System(BaseEvent):
    """What the machine is doing, every few seconds."""

    type: Literal["system"] = "system"
    cpu_percent: float = Field(description="of the run's processes; 100 is one core")
    memory_mb: float = Field(description="resident memory of the run's processes")
    gpu_memory_mb: float | None = Field(default=None, description="that the run holds of its GPU")
    gpu_percent: float | None = Field(
        default=None, description="of its GPU, by NVML; whoever else computes there counts"
    )


class Evaluation(BaseEvent):
    """The measured result. The same figures stand in `evaluation/metrics.json`."""

    type: Literal["evaluation"] = "evaluation"
    metrics: dict[str, float | None]
    reasons: dict[str, str] = Field(default_factory=dict, description="why a metric is null, by metric")


class Artifact(BaseEvent):
    """A file of the run folder is ready."""

    type: Literal["artifact"] = "artifact"
    kind: Word = Field(description="what it is: model, checkpoint, metrics, scores, or what else the kind of run makes")
    path: str = Field(description="relative to the run folder")


class Warned(BaseEvent):
    """Something the user must know, and the run goes on. The page words it by `code`; `message` is the English wording."""

    type: Literal["warning"] = "warning"
    code: str
    message: str
    values: dict[str, str | int | float] = Field(default_factory=dict)


class Finished(BaseEvent):
    """The run ended well: the saved model was loaded again and gave the same scores."""

    type: Literal["finished"] = "finished"
    metrics: dict[str, float | None]
    seconds: dict[str, float] = Field(description="duration of each stage, and `total`")


class Failed(BaseEvent):
    """The run ended badly."""

    type: Literal["failed"] = "failed"
    code: str = Field(
        description="kind of failure, for the page's wording: data, data_changed, spec, spec_changed, memory, disk, time_limit, killed, error"
    )
    reason: str
    hint: str = Field(description="what to do next")
    log: list[str] = Field(default_factory=list, description="last lines of the run's log")


class Stopped(BaseEvent):
    """The user stopped the run."""

    type: Literal["stopped"] = "stopped"
    stage: str | None = None


Event = Annotated[
    Started
    | Stage
    | Collection
    | Fitting
    | Epoch
    | Batches
    | System
    | Evaluation
    | Artifact
    | Warned
    | Finished
    | Failed
    | Stopped,
    Field(discriminator="type"),
]
EVENT: TypeAdapter[Event] = TypeAdapter(Event)
LONGEST_LINE = 1 << 20  # bytes
TERMINAL = (Finished, Failed, Stopped)
FREQUENT = frozenset({"collection", "fitting", "batches", "system"})  # of which the newest tells the most


class DamagedLog(ValueError):
    """A line of the log cannot be read as an event; the message names it."""


class LogInUse(OSError):
    """Another process writes this log."""


class EventLog:
    """Appends events to `RUN/events.jsonl`. One writer at a time; a torn last line of a killed writer is cut off first.

    With `repair`, a log that is damaged in its middle is cut off there too, and what is no plain file is put aside; `damage` says what
    was wrong, and `kept` is the name of the old one in the run folder.

    Raises:
        LogInUse: another process writes it; nobody waits for that one here.
        DamagedLog: a line cannot be read, or the log is no plain file, and `repair` is off.
    """

    def __init__(self, run: Path, *, repair: bool = False):
        path, self.damage, self.kept = RunFolder(run).events, "", ""
        try:
            self._file = append_plain(path)
        except NotPlain:
            self.damage = _is_no_file(path)
            if not repair:
                raise DamagedLog(self.damage) from None
            self.kept = path.rename(_place_aside(run)).name
            self._file = append_plain(path)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)  # released when this process ends, however it ends
        except BlockingIOError:
            self._file.close()
            raise LogInUse(f"another process writes {path}") from None
        self.seq, self.ended = 0, False
        self._size = 0  # bytes of the whole events; what lies beyond them is a torn line
        self.worked_before = seconds_worked(self._before(path, repair=repair))
        self._file.truncate(self._size)
        self._opened = time.monotonic()

    def _before(self, path: Path, *, repair: bool) -> Iterator[Event]:
        """The events that are there, one at a time: a log may be longer than the memory."""
        try:
            for event, end in _events(path):
                self.seq, self.ended, self._size = event.seq, isinstance(event, TERMINAL), end
                yield event
        except DamagedLog as error:
            if not repair:
                raise
            self.damage = str(error)
            self.kept = _keep(path, _place_aside(path.parent))

    def elapsed_s(self) -> float:
        """How long the run has worked: its earlier processes, and this one since it opened the log."""
        return round(self.worked_before + time.monotonic() - self._opened, 3)

    def append(self, event: Event) -> Event:
        """Number, date and write one event; it is on disk when this returns. An event that cannot be written leaves no trace.

        Raises:
            ValueError: the log has ended with finished, failed or stopped.
            OSError: the disk is full or gone.
        """
        if self.ended:
            raise ValueError(f"the run has ended: no {event.type} event after event {self.seq}")
        event.seq, event.time, event.elapsed_s = self.seq + 1, time.time(), self.elapsed_s()
        line = as_line(event)
        try:
            self._file.truncate(self._size)  # a disk that failed may have refused to take the last torn line back
            self._write(line)
            if isinstance(event, TERMINAL):
                os.fsync(self._file.fileno())
        except OSError:
            with suppress(OSError):
                self._file.truncate(self._size)
            raise
        self._size += len(line)
        self.seq, self.ended = event.seq, isinstance(event, TERMINAL)
        return event

    def _write(self, line: bytes) -> None:
        """All of it: a system that runs out of room takes a part and says so only at the next try."""
        left = memoryview(line)
        while left:
            left = left[self._file.write(left) :]

    def close(self) -> None:
        self._file.close()


def has_ended(run: Path) -> bool:
    """Whether the last whole event of the log is a run's last word. Reads no more than the end of the file."""
    return isinstance(last_event(run), TERMINAL)


def read_events(run: Path) -> list[Event]:
    """All whole events of a run; [] when there is no log yet.

    Raises:
        DamagedLog: a line cannot be read, or is not what was written.
    """
    return list(each_event(run))


def each_event(run: Path) -> Iterator[Event]:
    """The same one at a time, however long the log is."""
    return (event for event, _ in _events(RunFolder(run).events))


def last_event(run: Path) -> Event | None:
    """The last whole event of a run's log; None where there is none yet, or none that can be read."""
    try:
        end = read_end(RunFolder(run).events, LONGEST_LINE)
        lines = [line for line in end.splitlines(keepends=True) if line.endswith(b"\n")]
        return read_line(lines[-1]) if lines else None
    except (OSError, ValueError):
        return None


def read_line(line: bytes) -> Event:
    """The event that a line of the log holds.

    Raises:
        ValueError: it holds none, or is not what was written.
    """
    end = CHECKED.search(line)
    if end is not None and int(end[1], 16) != zlib.crc32(line[: end.start()]):
        raise ValueError("it is not what was written")
    event = EVENT.validate_json(line if end is None else line[: end.start()] + b"}")
    if event.crc is not None:
        raise ValueError("its checksum is not what was written")
    return event


def seconds_worked(events: Iterable[Event]) -> float:
    """How long the processes of a run worked; the time between them does not count.

    Logs of older versions tell points in time alone: there, steps back and the time until somebody else said the last word do
    not count.
    """
    seconds, before = 0.0, None
    for event in events:
        is_told_later = isinstance(event, Failed) and event.code == "killed"
        if before is not None and not isinstance(event, Started) and not is_told_later:
            seconds += max(event.time - before.time, 0.0)
        before = event
    return before.elapsed_s if before is not None and before.elapsed_s is not None else round(seconds, 3)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(each) for name, each in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_line(event: Event) -> bytes:
    """The line of a log that holds an event: one more field at the end of its JSON guards what stands before it."""
    body = event.model_dump_json().encode()[:-1]
    return body + b',"crc":"%08x"}\n' % zlib.crc32(body)


def _events(path: Path) -> Iterator[tuple[Event, int]]:
    """Each event with the offset at which its line ends; a last line without its newline is left out."""
    end = 0
    try:
        with open_plain(path) as file:
            for number, line in enumerate(whole_lines(file), 1):
                end += len(line)
                yield numbered(line, number, path.name), end
    except FileNotFoundError:
        return
    except NotPlain:
        raise DamagedLog(_is_no_file(path)) from None


def whole_lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines from here on; one still being written is left out. One longer than any event comes in pieces, which are none."""
    while line := file.readline(LONGEST_LINE):
        if not line.endswith(b"\n") and len(line) < LONGEST_LINE:
            return
        yield line


def _is_no_file(path: Path) -> str:
    return f"{path.name} is no plain file"


def _keep(path: Path, aside: Path) -> str:
    """Copy what may be of use of a damaged log."""
    try:
        with open_plain(path) as damaged, aside.open("xb") as kept:
            kept.write(damaged.read(MOST_BYTES))
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    return aside.name


def _place_aside(run: Path) -> Path:
    """Where a damaged log is kept: the first free name, whatever an earlier one left or somebody put there."""
    names = itertools.chain(["events.damaged.jsonl"], (f"events.damaged-{count}.jsonl" for count in itertools.count(2)))
    return next(run / name for name in names if not os.path.lexists(run / name))


def numbered(line: bytes, number: int, name: str) -> Event:
    """The event of a line, which must be the next one.

    Raises:
        DamagedLog: it is not.
    """
    try:
        event = read_line(line)
    except ValueError:
        raise DamagedLog(f"line {number} of {name} cannot be read") from None
    if event.seq != number:
        raise DamagedLog(f"line {number} of {name} holds event {event.seq}")
    return event
