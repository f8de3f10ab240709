"""The folder of a run: every path in it by name, and what stands in its files. Nobody else knows how a run folder looks inside.

    runs/<id>/
      spec.json                 the job that runs: never rewritten
      events.jsonl              what the run reports (engine/contract/events.py)
      log.txt                   what its process prints
      process.lock, heartbeat   held while the run lives; touched by its trainer (engine/contract/attempt_files.py)
      attempts/                 the verdict on each attempt that ended, by its number
      continues.json            what another run handed on to this one (engine/contract/continuing.py)
      checkpoints/              where it goes on after it was cut off
      model/                    the saved model, whole or not there
      evaluation/               what was measured, whole or not there
      exports/                  the model as files for other runtimes

What is written as a whole is written aside first (`.part`) and then renamed; the contents are typed (engine/contract/results).
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from engine.contract.attempt_files import attempts_in, heartbeat_in, lock_in, verdict_in
from engine.contract.checksums import GONE, LIST, DamagedFile, read_checked, write_checksums
from engine.contract.jobs import Job, read_job
from engine.contract.plain_files import ASIDE, read_plain, write_whole
from engine.contract.results import Results, WrittenT, as_csv, as_json, from_csv, from_json
from engine.contract.results.card import ModelCard

Read = TypeVar("Read")
ResultsT = TypeVar("ResultsT", bound=Results[Any, Any])
CardT = TypeVar("CardT", bound=ModelCard)


@dataclass(frozen=True)
class RunFolder:
    """The folder `path`; its name is the run's id. Nothing is looked at or made by asking for a path."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

    def within(self, path: Path) -> str:
        """How an event tells of a file: relative to this folder."""
        return path.relative_to(self.path).as_posix()

    @property
    def spec(self) -> Path:
        return self.path / "spec.json"

    @property
    def events(self) -> Path:
        return self.path / "events.jsonl"

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    @property
    def lock(self) -> Path:
        return lock_in(self.path)

    @property
    def heartbeat(self) -> Path:
        return heartbeat_in(self.path)

    @property
    def attempts(self) -> Path:
        return attempts_in(self.path)

    def verdict(self, attempt: int) -> Path:
        """How an attempt ended: read and written by engine/contract/attempt_files.py."""
        return verdict_in(self.path, attempt)

    def arriving(self, attempt: int) -> Path:
        """Where the files of an attempt that computes elsewhere are put together until they are whole: none of the run's files yet."""
        return self.attempts / f"{attempt}{ASIDE}"

    @property
    def handed_on(self) -> Path:
        return self.path / "continues.json"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def checkpoint(self) -> Path:
        """Where an interrupted training goes on."""
        return Checkpoints(self.checkpoints).last

    @property
    def model(self) -> "ModelFolder":
        return ModelFolder(self.path / "model")

    @property
    def evaluation(self) -> "EvaluationFolder":
        return EvaluationFolder(self.path / "evaluation")

    @property
    def exports(self) -> Path:
        """Files for other runtimes that somebody asked for, a folder for each format."""
        return self.path / "exports"

    def read_job(self) -> Job:
        """The job that runs.

        Raises:
            FileNotFoundError: none was written yet.
            OSError: it cannot be read.
            ValueError: it is no job, in words.
        """
        return read_job(read_plain(self.spec))

    def write_job(self, job: Job) -> None:
        """Say what is to run. The folder must be there."""
        write_whole(self.spec, job.model_dump_json(indent=2))


@dataclass(frozen=True)
class Checkpoints:
    """What a training that learns by epochs keeps while it lasts."""

    path: Path

    @property
    def last(self) -> Path:
        """All that is needed to go on after the last epoch that was written."""
        return self.path / "last.safetensors"

    @property
    def best(self) -> Path:
        """The weights of the best epoch so far."""
        return self.path / "best.safetensors"


@dataclass(frozen=True)
class ModelFolder:
    """A saved model: its state, its card, and what belongs to it alone."""

    path: Path

    @property
    def state(self) -> Path:
        return self.path / "model.safetensors"

    @property
    def card(self) -> Path:
        """Spec, data, thresholds, calibration, lineage (engine/contract/results/card.py)."""
        return self.path / "model.json"

    @property
    def backbone(self) -> Path:
        """A backbone that the training adapted."""
        return self.path / "backbone.safetensors"

    @property
    def members(self) -> Path:
        """The model folders that an ensemble is made of: 0, 1, ..."""
        return self.path / "members"

    def member(self, position: int) -> "ModelFolder":
        return ModelFolder(self.members / str(position))

    @property
    def checksums(self) -> Path:
        return self.path / LIST

    def read_card(self, kind: type[CardT]) -> CardT:
        """The model's card, as its kind of run writes it.

        Raises:
            FileNotFoundError: there is no saved model.
            DamagedFile: it is not what was written, or the list of checksums that it tells of is gone.
        """
        card = _understood(self.path, self.card, lambda content: from_json(content, kind))
        if card.checksums and not self.checksums.is_file():
            raise DamagedFile(self.checksums, GONE)
        return card

    def write_card(self, card: ModelCard) -> None:
        write_whole(self.card, as_json(card, indent=1))

    def seal(self) -> None:
        """Guard all that has been written: the model's folder is whole."""
        write_checksums(self.path)


@dataclass(frozen=True)
class EvaluationFolder:
    """What was measured: figures, one row for each test image, and pictures by the image's `index` of that row."""

    path: Path

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.json"

    @property
    def scores(self) -> Path:
        return self.path / "scores.csv"

    @property
    def findings(self) -> Path:
        return self.path / "regions"

    def finding(self, index: int) -> Path:
        return self.findings / f"{index:04d}.json"

    @property
    def region_features(self) -> Path:
        """What the regions of test images of known type look like to the model's backbone (engine/evaluation/region_features.py)."""
        return self.path / "region_features.safetensors"

    def pictures(self, what: str) -> Path:
        """The folder of one sort of picture; which sorts there are belongs to the kind of run (`Results.pictures`)."""
        return self.path / what

    def picture(self, what: str, index: int) -> Path:
        """A picture; `inputs`, as they were read, are JPEG, all that is made of them PNG."""
        return self.pictures(what) / f"{index:04d}.{'jpg' if what == 'inputs' else 'png'}"

    @property
    def checksums(self) -> Path:
        return self.path / LIST

    def read(self, kind: type[ResultsT]) -> ResultsT:
        """Figures and rows, as this kind of run writes them.

        Raises:
            FileNotFoundError: there are none, or no longer; `filename` is what is missing.
            DamagedFile: one is not what was written, or the rows are not those that the figures were counted from.
        """
        metrics, rows = kind.types()
        results = kind(
            metrics=_understood(self.path, self.metrics, lambda content: from_json(content, metrics)),
            rows=_understood(self.path, self.scores, lambda content: from_csv(content, rows)),
        )
        if why := results.contradiction():
            raise DamagedFile(self.scores, why)
        return results

    def write(self, results: Results[Any, Any]) -> None:
        write_whole(self.metrics, as_json(results.metrics, indent=1))
        write_whole(self.scores, as_csv(results.rows, results.types()[1]))

    def read_finding(self, index: int, kind: type[WrittenT]) -> WrittenT | None:
        """What was found in one image; None where nothing was written of it, as in runs of the first version.

        Raises:
            DamagedFile: it is not what was written.
        """
        try:
            return _understood(self.path, self.finding(index), lambda content: from_json(content, kind))
        except FileNotFoundError:
            return None

    def write_finding(self, index: int, finding: WrittenT) -> None:
        self.findings.mkdir(exist_ok=True)
        write_whole(self.finding(index), as_json(finding))

    def seal(self) -> None:
        """Guard figures, rows and findings; pictures, which nobody counts by, are not."""
        files = [self.metrics, self.scores, *(self.findings.iterdir() if self.findings.is_dir() else ())]
        files += [self.region_features] if self.region_features.is_file() else []
        write_checksums(self.path, [str(file.relative_to(self.path)) for file in files])


_HERE = RunFolder(Path())
RESULTS = (_HERE.model.path.as_posix(), _HERE.evaluation.path.as_posix())  # the folders that a finished run leaves
CHECKPOINTS = _HERE.checkpoints.as_posix()
BUILT_ON = (_HERE.spec.as_posix(), _HERE.model.path.as_posix())  # what another run needs of one that it is built on
OF_ATTEMPTS = (
    _HERE.lock.as_posix(),
    _HERE.heartbeat.as_posix(),
    _HERE.attempts.as_posix(),
)  # holds where it computes alone


def _understood(folder: Path, path: Path, parse: Callable[[bytes], Read]) -> Read:
    """What stands in a guarded file.

    Raises:
        FileNotFoundError: there is no such file.
        DamagedFile: it is not what was written, or cannot be understood.
    """
    content = read_checked(folder, str(path.relative_to(folder)))
    try:
        return parse(content)
    except ValueError as error:
        raise DamagedFile(path, f"cannot be understood ({_in_short(error)})") from error


def _in_short(error: ValueError) -> str:
    """The first thing that is wrong, with the place that it stands at where there is one."""
    if isinstance(error, ValidationError):
        first = error.errors()[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    return str(error).splitlines()[0]
