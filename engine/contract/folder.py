"""The folder of a run: every path in it by name. Nobody else knows how a run folder looks inside.

    runs/<id>/
      spec.json                 the job that runs: never rewritten
      events.jsonl              what the run reports (engine/contract/events.py)
      log.txt                   what its process prints
      process.lock              held while the run lives (engine/contract/process_lock.py)
      continues.json            what another run handed on to this one (engine/contract/continuing.py)
      checkpoints/              where it goes on after it was cut off
      model/                    the saved model, whole or not there
      evaluation/               what was measured, whole or not there

What is written as a whole is written aside first (`.part`) and then renamed.
"""

from dataclasses import dataclass
from pathlib import Path

CHECKSUMS = "checksums.txt"  # in a folder whose files are guarded


@dataclass(frozen=True)
class RunFolder:
    """The folder `path`; its name is the run's id. Nothing is looked at or made by asking for a path."""

    path: Path

    @property
    def id(self) -> str:
        return self.path.name

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
        return self.path / "process.lock"

    @property
    def handed_on(self) -> Path:
        return self.path / "continues.json"

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    @property
    def checkpoint(self) -> Path:
        """Where an interrupted training goes on."""
        return self.checkpoints / "last.safetensors"

    @property
    def model(self) -> "ModelFolder":
        return ModelFolder(self.path / "model")

    @property
    def evaluation(self) -> "EvaluationFolder":
        return EvaluationFolder(self.path / "evaluation")


@dataclass(frozen=True)
class ModelFolder:
    """A saved model: its state, its card, and what belongs to it alone."""

    path: Path

    @property
    def state(self) -> Path:
        return self.path / "model.safetensors"

    @property
    def card(self) -> Path:
        """Spec, data, thresholds, calibration, lineage (engine/contract/results.py)."""
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
        return self.path / CHECKSUMS


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

    def pictures(self, what: str) -> Path:
        """The folder of one sort of picture; which sorts there are belongs to the kind of run."""
        return self.path / what

    def picture(self, what: str, index: int) -> Path:
        """A picture; `inputs`, as they were read, are JPEG, all that is made of them PNG."""
        return self.pictures(what) / f"{index:04d}.{'jpg' if what == 'inputs' else 'png'}"

    @property
    def checksums(self) -> Path:
        return self.path / CHECKSUMS
