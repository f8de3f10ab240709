"""Accuracy floors with real weights: on real photographs, and on the demo that a first try is made with."""

from pathlib import Path

import numpy as np
import pytest

from engine.contract.jobs import make_job
from engine.datasets.factory import open_dataset
from engine.datasets.loading import Loader, Pictures
from engine.datasets.splits import Split
from engine.datasets.synthetic import write_demo
from engine.evaluation.calibration import calibration_from
from engine.models import build_model
from engine.report import silent
from engine.scorer import Scorer
from engine.tasks.detect.sharing import share_out
from engine.trainers.base import BaseTrainer
from engine.trainers.factory import get_trainer
from tests.conftest import SHARED

WEIGHTS = SHARED / "weights"
FLOORS = {  # image AUROC, that of the worst defect type, pixel AUROC; measured .999, .997, .983 and .899, .849, .809
    "phone_screen": {"image_auroc": 0.985, "worst_type_auroc": 0.98, "pixel_auroc": 0.975},
    "magnetic_tile": {"image_auroc": 0.885, "worst_type_auroc": 0.84, "pixel_auroc": 0.79},
}


def learnt(data: Path) -> tuple[BaseTrainer, Split, Pictures]:
    """PatchCore with every default, but the backbone whose weights are here, trained on its share of the good pictures."""
    if not data.is_dir() or not list(WEIGHTS.glob("mobilenetv2_100.*safetensors")):
        pytest.skip(f"needs {data} and weights of mobilenetv2_100 in {WEIGHTS}")
    job = make_job("detect", data.name, "patchcore", {"backbone": "mobilenetv2_100"})
    pictures = Pictures(image_size=job.image_size)
    items, _ = pictures.readable(open_dataset(data).items)
    split, _ = share_out(job, items, silent)
    model = build_model(job, weights_folder=WEIGHTS, hub=False, warn=silent)
    trainer = get_trainer("patchcore", model)
    trainer.fit(loader(split.fit, pictures))
    return trainer, split, pictures


def loader(items, pictures: Pictures) -> Loader:
    return Loader(items, image_size=pictures.image_size, batch_size=32, pictures=pictures)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(FLOORS))
def test_patchcore_with_default_settings_keeps_its_accuracy(name):
    trainer, split, pictures = learnt(SHARED / "data" / name)
    measured = trainer.evaluate(loader(split.test, pictures))
    assert {figure: measured[figure] for figure, floor in FLOORS[name].items() if measured[figure] < floor} == {}


@pytest.mark.slow
def test_a_first_run_on_the_demo_finds_its_spot_mura_at_the_promised_overkill(tmp_path):
    """Faint and larger than a patch: of 8 one scale finds none."""
    trainer, split, pictures = learnt(write_demo(tmp_path / "demo"))
    scorer = Scorer(trainer.modeler)
    held_out = scorer.inspect(loader(split.calibration, pictures), what="calibrating")
    by = calibration_from(held_out.scores, held_out.map_highs, overkill_rate=0.05)
    mura = [item for item in split.test if item.defect_type == "spot_mura"]
    found = scorer.calibrated(by).is_anomalous(scorer.inspect(loader(mura, pictures), what="evaluating").scores)
    assert (len(mura), int(np.sum(found)) >= 7) == (8, True)
