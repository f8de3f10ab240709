"""What one run hands on to the run that takes its place. Loads no torch.

A log that has ended takes no more events, so a run that was cut off goes on as a new run. Its folder gets the checkpoint of the
old one and its spec as it stands, of which the checkpoint's key is made, and `continues.json`: which run that was, what it had
reported up to the checkpoint, how long it had worked, and the batch size that memory had forced on it.
"""

import json
import os
import shutil
import struct
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from engine.contract.checksums import read_checked, write_checksums
from engine.contract.events import Epoch, Event, Started, Warned, read_events, seconds_worked
from engine.contract.folder import RunFolder
from engine.contract.jobs import read_job
from engine.contract.plain_files import open_plain, read_plain, write_whole

MOST_HEADER_BYTES = 100 << 20


class Continued(BaseModel):
    """What a run knows of the one whose place it takes."""

    model_config = ConfigDict(extra="forbid")

    run: str
    after_epoch: int | None = Field(description="the epoch that the checkpoint stands after; null: there was none")
    seconds: float = Field(description="that the run it goes on from had worked; 0 where it starts from the beginning")
    batch_size: int | None = Field(description="that memory allowed, where it was less than the spec's")
    epochs: list[Epoch] = Field(description="up to the checkpoint")


def epochs_kept(run: Path) -> int | None:
    """How many epochs the run's last checkpoint holds; None where there is none that can be read."""
    try:
        with open_plain(RunFolder(run).checkpoint) as file:
            (length,) = struct.unpack("<Q", file.read(8))
            if length > MOST_HEADER_BYTES:
                return None
            return int(json.loads(json.loads(file.read(length))["__metadata__"]["progress"])["position"]["epoch"])
    except (OSError, struct.error, ValueError, KeyError, TypeError, OverflowError, RecursionError):
        return None


def hand_on(old: Path, new: Path) -> Continued:
    """Put into the folder `new` what its run needs to take the place of the one in `old`, whose log has ended."""
    before, events = _before(old), read_events(old)
    after = epochs_kept(old)
    if after is not None:
        checkpoints = RunFolder(new).checkpoints
        checkpoints.mkdir()
        for path in sorted(RunFolder(old).checkpoints.glob("*.safetensors")):
            if path.is_file():  # a copy of a pipe would never end
                _link(path, checkpoints / path.name)
        _take_over_spec(old, new)
    epochs = {epoch.epoch: epoch for epoch in [*(before.epochs if before else ()), *_epochs(events)]}
    handed = Continued(
        run=old.name,
        after_epoch=after,
        seconds=0.0 if after is None else seconds_so_far(old),
        batch_size=lowered_batch(events) or (before.batch_size if before else None),
        epochs=[epochs[number] for number in sorted(epochs) if after is not None and number <= after],
    )
    path = RunFolder(new).handed_on
    write_whole(path, handed.model_dump_json(indent=1))
    write_checksums(new, [path.name])
    return handed


def read_continued(run: Path) -> Continued | None:
    """What was handed on to this run; None for one that takes no other's place.

    Raises:
        DamagedFile: it differs from what was written, or is no plain file.
        ValueError: it cannot be understood; those of older versions have no checksum.
    """
    try:
        return Continued.model_validate_json(read_checked(run, RunFolder(run).handed_on.name))
    except FileNotFoundError:
        return None


def _before(run: Path) -> Continued | None:
    """What was handed on to a run that has ended. Where that is damaged, its own log is all there is to tell of."""
    try:
        return read_continued(run)
    except ValueError:
        return None


def seconds_so_far(run: Path) -> float:
    """How long a run worked, those it goes on from included. One that was stopped before it began tells nothing of them."""
    before, events = _before(run), read_events(run)
    has_begun = any(isinstance(event, Started) for event in events)
    return before.seconds if before and not has_begun else seconds_worked(events)


def lowered_batch(events: list[Event]) -> int | None:
    """The batch size that a run came to when memory ran out."""
    lowered = [event for event in events if isinstance(event, Warned) and event.code == "batch_lowered"]
    return int(lowered[-1].values["new"]) if lowered else None


def _epochs(events: list[Event]) -> list[Epoch]:
    return [event for event in events if isinstance(event, Epoch)]


def _take_over_spec(old: Path, new: Path) -> None:
    """The same job, spelt as the version spelt it that made the checkpoint. One that says something else by now is left alone."""
    try:
        written = read_plain(RunFolder(old).spec)
        is_same = read_job(written) == RunFolder(new).read_job()
    except (OSError, ValueError):
        return
    if is_same:
        write_whole(RunFolder(new).spec, written)


def _link(old: Path, new: Path) -> None:
    """The same file under both names: a checkpoint is replaced as a whole, never written into."""
    try:
        os.link(old, new)
    except OSError:  # another disk, or a file system without links
        shutil.copyfile(old, new)
