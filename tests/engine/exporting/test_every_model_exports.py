"""One contract over all detectors: each can be exported to ONNX, and the file judges as the engine does. A new model joins by itself."""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from engine.contract.folder import RunFolder
from engine.contract.jobs import setting_names
from engine.contract.jobs.detect import DetectJob
from engine.contract.models import MODELS
from engine.contract.results.exported import SUFFIXES, Exported, Format
from engine.exporting import export_run
from engine.saved_models import save_model
from engine.tasks.detect.assembly import assemble_model
from engine.trainers.factory import get_trainer
from tests.engine.samples import items_of, tiny_spec, write_mvtec, write_run
from tests.engine.test_every_model import QUICK, loader, one_batch
from tests.stored_runs import card

LEAST: dict[str, Any] = {
    "epochs": 1,
    "layers": [1],
    "backbone": "test_resnet",
    "frozen_epochs": 0,
    "patience": 0,
    "tiles": 1,
}
OWN: dict[str, dict[str, Any]] = {  # where the least is too little
    "patchcore": {"num_neighbours": 3, "scales": 2},
    "spade": {"num_images": 2, "num_neighbours": 2, "layers": [1, 2]},
    "dfm": {"layers": [2]},
    "dinomaly": {"layers": [1, 2]},
    "reverse_distillation": {"layers": [1, 2]},
}


DIFFERENT = ("patchcore", "stfpm", "fastflow")  # memory at two scales, gradient, flow

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mvtec(tmp_path_factory.mktemp("data"), train=6, good=3, defective=3)


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("runs")


def learnt(model: str, runs: Path, data: Path, **settings: Any) -> Path:
    """The folder of a run whose model learnt next to nothing; its threshold parts the test pictures in the middle."""
    fields = {*setting_names("detect", model)}
    own = {**QUICK.get(model, {}), **LEAST, **OWN.get(model, {}), **settings}
    spec = tiny_spec(model, **{name: value for name, value in own.items() if name in fields})
    folder = runs / f"{model}{len(list(runs.iterdir()))}"
    learn_into(folder, spec, data)
    return folder


def learn_into(folder: Path, spec: DetectJob, data: Path) -> None:
    model = assemble_model(spec, weights_folder=None, hub=False, warn=lambda event: None, runs=folder.parent)
    fitting = loader(spec, items_of(data, split="train"), seed=spec.seed, synthesis=model.synthesis())
    get_trainer(spec.model.name, model, report=lambda event: None).fit(fitting, num_epochs=spec.epochs)
    with torch.no_grad():
        found = model.eval().predict_step(one_batch(spec, items_of(data, split="test")))
    thresholds = {"image": between(found.pred_score), "pixel": between(found.anomaly_map.flatten())}
    write_run(folder, spec)
    blank = card(spec)
    limits = {
        name: getattr(blank.thresholds, name).model_copy(update={"value": value}) for name, value in thresholds.items()
    }
    save_model(
        RunFolder(folder).model,
        model,
        card=blank.model_copy(update={"thresholds": blank.thresholds.model_copy(update=limits)}),
    )


def between(scores: torch.Tensor) -> float:
    """Half-way between the middle two of different scores."""
    ordered = scores.double().unique()
    middle = len(ordered) // 2
    return float((ordered[middle - 1] + ordered[middle]) / 2)


@pytest.fixture(scope="module")
def run_of(runs: Path, data: Path) -> Callable[[str], Path]:
    """The run of a model, learnt once."""

    @cache
    def of(model: str) -> Path:
        members = [of(name).name for name in ("padim", "subspace")] if model == "ensemble" else []
        return learnt(model, runs, data, **({"members": members} if members else {}))

    return of


def exported(run: Path, format: Format, data: Path) -> Exported:
    output = run.parent / f"{run.name}{SUFFIXES[format]}"
    return export_run(
        RunFolder(run), format=format, output=output, data=data, own=False, weights_folder=None, hub=False
    )


def judges_alike(told: Exported) -> None:
    assert told.parity.holds
    assert told.parity.images == 6
    assert told.parity.pixels_changed is not None
    assert told.parity.pixels_changed < 1e-3
    low, high = told.parity.differences["score"].range
    assert low < (told.about.threshold or low) < high  # the pictures are of both verdicts


@pytest.mark.parametrize("model", MODELS)
def test_a_file_for_onnx_judges_as_the_engine_does(model: str, run_of: Callable[[str], Path], data: Path) -> None:
    judges_alike(exported(run_of(model), "onnx", data))


@pytest.mark.parametrize("model", DIFFERENT)
@pytest.mark.parametrize("format", ["openvino", "pt2"])
def test_so_does_one_in_each_other_format(
    model: str, format: Format, run_of: Callable[[str], Path], data: Path
) -> None:
    judges_alike(exported(run_of(model), format, data))
