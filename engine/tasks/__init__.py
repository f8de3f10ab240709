"""The kinds of runs: a folder for each, named as its job's `kind`, found by that name.

`engine/tasks/<kind>/run.py` tells the story of such a run, from the pictures to a model that was saved, loaded again and
found to say the same:

    def run(job, folder: RunFolder, *, data: DataFolder, report: Report, place: Place) -> Finished

It fills `folder` and returns the event that ends the log; every stage begins with `report.begin(name)`, in the order of
`job.stages()`. A kind whose model can be tried on other pictures has `trial.py` beside it, with

    def try_model(folder: RunFolder, *, data: Path, output: Path, weights_folder, hub, report: Reporter) -> dict[str, Any]

and one whose model can be registered has `rescoring.py`, with

    def rescore(folder: RunFolder, *, data: Path, own: bool, most: int | None, weights_folder, hub) -> Rescored

and one whose model can be exported has `exportable.py`, with

    def exportable(folder: RunFolder, *, weights_folder, hub) -> Exportable

What every run needs lies here, once:

- `run_job` below: time limit, the order of stages, a run that was cut off, where it computes, that it can be repeated;
- `place.py`: `Place`, the device, where weights come from and where other runs lie;
- `reading.py`: `DataFolder.read`, which decodes the pictures once, names the broken ones and refuses others than approved;
- `verifying.py`: what a model loaded again must say;
- `engine/contract/plain_files.py`: a folder that is written aside and appears whole or not at all.
"""

from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.contract.events import Finished, Warned
from engine.contract.folder import RunFolder
from engine.contract.jobs import KINDS, Job, read_job
from engine.contract.results.rescored import Rescored
from engine.failures import SettingError
from engine.report import Report, Reporter
from engine.tasks.place import find_place, make_repeatable
from engine.tasks.reading import DataFolder


def run_job(
    job: Job,
    folder: RunFolder,
    *,
    data: Path,
    report: Report,
    weights_folder: Path | None = None,
    hub: bool = True,
    runs: Path | None = None,
    approved_data: str | None = None,
) -> Finished:
    """Run the job on the data set in the folder `data`, by the story of its kind; the event that ends the log is returned.

    Args:
        runs: the folder that holds the runs which this one is built on, each by its id; None is the one that it lies in itself.
        approved_data: fingerprint that the pictures must have; None takes any.

    Raises:
        DataError, SettingError, MemoryError, OSError, FloatingPointError: in words, for the Failed event.
        StopRequested, TimeLimit: from the report.
    """
    story = import_module(f"engine.tasks.{job.kind}.run")
    report.stages = job.stages()
    report.limit(job.time_limit_min)
    if report.goes_on and not folder.checkpoint.exists():
        message = "the run was interrupted before there was a checkpoint; it starts again from its beginning"
        report(Warned(code="restarted", message=message))
    report.begin(report.stages[0])
    place = find_place(job.device, weights_folder=weights_folder, hub=hub, runs=runs or folder.path.parent)
    make_repeatable(job.seed)
    finished: Finished = story.run(
        job, folder, data=DataFolder(data, approved=approved_data), report=report, place=place
    )
    return finished


def try_run(folder: RunFolder, *, report: Reporter, **where: Any) -> dict[str, Any]:
    """Try the model of a finished run on other pictures, by the `trial.py` of its kind; what it summarises is returned.

    Where the kind has a threshold, `judged_by` may name the one in force (engine/contract/results/detect.py `JudgedBy`).

    Raises:
        SettingError: runs of this kind cannot be tried.
    """
    kind = kind_of(folder)
    if "judged_by" in where and not KINDS[kind].has_threshold:
        raise SettingError(f"a run of kind {kind!r} has no threshold: leave --threshold out")
    if find_spec(f"engine.tasks.{kind}.trial") is None:
        raise SettingError(f"the model of a run of kind {kind!r} cannot be tried on other pictures")
    summary: dict[str, Any] = import_module(f"engine.tasks.{kind}.trial").try_model(folder, report=report, **where)
    return summary


def rescore_run(folder: RunFolder, **where: Any) -> Rescored:
    """Score pictures whose label is known by the saved model of a run, loaded again, by the `rescoring.py` of its kind.

    Raises:
        SettingError: the model cannot be loaded here, or runs of this kind cannot be scored again.
        DataError: no picture can be read.
    """
    kind = kind_of(folder)
    if not folder.model.card.is_file():
        raise SettingError(f"there is no model in {folder.model.path}: name the folder of a run that has finished")
    if find_spec(f"engine.tasks.{kind}.rescoring") is None:
        raise SettingError(f"the model of a run of kind {kind!r} cannot be scored again")
    if not KINDS[kind].has_threshold:
        where.pop("threshold")
    rescored: Rescored = import_module(f"engine.tasks.{kind}.rescoring").rescore(folder, **where)
    return rescored


def kind_of(folder: RunFolder) -> str:
    """Raises SettingError where no job can be read."""
    try:
        return read_job(folder.spec.read_bytes()).kind
    except (OSError, ValueError) as error:
        raise SettingError(
            f"{folder.spec} cannot be read ({error}); name the folder of a run that has finished"
        ) from None
