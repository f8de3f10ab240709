"""Accuracy floors on real photographs with real weights, through the whole story of a run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from engine.contract.events import Finished, read_events
from engine.contract.jobs import make_job
from tests.conftest import SHARED
from tests.engine.samples import write_run

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = SHARED / "weights"
FLOORS = {"phone_screen": (0.985, 0.975), "magnetic_tile": (0.87, 0.76)}  # image AUROC, pixel AUROC


@pytest.mark.slow
@pytest.mark.parametrize(("name", "seed"), [("phone_screen", 0), ("magnetic_tile", 1)])
def test_patchcore_with_default_settings_keeps_its_accuracy(tmp_path, name, seed):
    data = SHARED / "data" / name
    if not data.is_dir() or not list(WEIGHTS.glob("mobilenetv2_100.*safetensors")):
        pytest.skip(f"needs {data} and weights of mobilenetv2_100 in {WEIGHTS}")
    run = write_run(
        tmp_path / "run", make_job("detect", name, "patchcore", {"backbone": "mobilenetv2_100", "seed": seed})
    )
    command = [sys.executable, "-m", "engine", "run", str(run), "--data", str(data)]
    environment = {**os.environ, "MURASCOPE_WEIGHTS": str(WEIGHTS)}
    subprocess.run(command, cwd=ROOT, env=environment, check=True)
    finished = read_events(run)[-1]
    assert isinstance(finished, Finished)
    image_floor, pixel_floor = FLOORS[name]
    assert finished.metrics["image_auroc"] >= image_floor
    assert finished.metrics["pixel_auroc"] >= pixel_floor
