"""A home with finished trainings whose models can be served: real ones, as small as there are."""

import asyncio
import shutil
from pathlib import Path

from assistant.settings import Settings
from assistant.workspace import Workspace
from engine.contract.events import Finished, last_event
from engine.contract.folder import RunFolder
from engine.contract.jobs import Job
from engine.contract.results.detect import DetectResults
from tests.engine.processes import train
from tests.engine.samples import tiny_spec, write_mvtec, write_run


def trained(folder: Path, job: Job, data: Path) -> Path:
    """The folder of a run that has ended well, computed by the engine."""
    write_run(folder, job)
    code, _, errors = train(folder, data)
    assert code == 0, errors
    return folder


def a_detector(folder: Path, *, seed: int = 0) -> Path:
    """Of grainy plates, with a confidence: there are enough good and bad ones."""
    data = write_mvtec(folder.parent / "data", train=16, good=6, defective=6)
    return trained(folder, tiny_spec("patchcore", seed=seed), data)


async def add_finished(workspace: Workspace, run: Path) -> str:
    """The run of that folder as one of the workspace; its id."""
    row = await workspace.runs.add(RunFolder(run).read_job(), data_path=str(run.parent / "data"))
    folder = workspace.runs.folder(row.id)
    shutil.copytree(run, folder, dirs_exist_ok=True)
    finished = last_event(folder)
    assert isinstance(finished, Finished)
    await workspace.runs.claim_one(row.id)
    await workspace.runs.end(row.id, "succeeded", metrics=finished.metrics)
    return row.id


def home_with(settings: Settings, *runs: Path) -> list[str]:
    """The ids of these runs in a new home."""

    async def add() -> list[str]:
        async with Workspace.open(settings) as workspace:
            return [await add_finished(workspace, run) for run in runs]

    return asyncio.run(add())


def told_scores(run: Path) -> dict[str, float]:
    """What the evaluation of a run says of each test picture, by its name."""
    rows = RunFolder(run).evaluation.read(DetectResults).rows
    return {row.name: row.score for row in rows}
