"""The real application on a home folder of its own, with a small data set and a finished run in it."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from starlette.testclient import TestClient

from assistant.settings import Settings
from assistant.workspace import Workspace
from engine.contract.events import Evaluation, EventLog, Finished, Stage, Started, Warned
from engine.contract.jobs import make_job
from tests.stored_runs import METRICS, card, write_evaluation, write_model
from web.app import create_app

SECRET = "<script>alert('x')</script>"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data set in the layout of MVTec AD: four good images, one defective, one that is no image."""
    root = tmp_path / "panels"
    grey = np.random.default_rng(0).integers(0, 255, (40, 40), dtype=np.uint8)
    for name in (
        "train/good/1",
        "train/good/2",
        "train/good/3",
        "test/good/4",
        "test/scratch/5",
        "ground_truth/scratch/5_mask",
    ):
        path = root / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(grey).save(path)
    (root / "train/good/broken.png").write_text("not an image")
    return root


@pytest.fixture
def client(settings: Settings) -> Iterator[TestClient]:
    with TestClient(create_app(settings), base_url="http://localhost") as client:
        yield client


@pytest.fixture
def finished_run(settings: Settings, tmp_path: Path) -> str:
    """A run that has ended well. Ask for it before `client`, whose supervisor would take the run up while it is being made."""
    return asyncio.run(_finish_a_run(settings, tmp_path))


async def _finish_a_run(settings: Settings, data: Path) -> str:
    async with Workspace.open(settings) as workspace:
        job = make_job("detect", SECRET, "patchcore")
        row = await workspace.runs.add(job, data_path=str(data))
        folder = workspace.runs.folder(row.id)
        log = EventLog(folder)
        log.append(Started(model="patchcore", dataset=SECRET))
        log.append(Stage(name="loading", stages=["loading", "evaluating"]))
        log.append(Warned(code="weights_random", message="random weights", values={"backbone": "resnet18"}))
        log.append(Evaluation(metrics=METRICS, reasons={"pixel_auroc": "no masks"}))
        log.append(Finished(metrics=METRICS, seconds={"total": 1.0}))
        log.close()
        evaluation = write_evaluation(folder)
        write_model(folder, card(job))
        picture = evaluation.picture("inputs", 1)
        picture.parent.mkdir()
        Image.new("RGB", (8, 8)).save(picture)
        await workspace.runs.claim_one(row.id)
        await workspace.runs.end(row.id, "succeeded", metrics=METRICS)
        return row.id
