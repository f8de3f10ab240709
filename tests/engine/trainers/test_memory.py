import json

import numpy as np
import pytest
import torch
from PIL import Image

from engine.datasets.loading import Loader
from engine.models import build_model
from engine.trainers.factory import get_trainer
from engine.trainers.flow import FlowTrainer
from engine.trainers.gradient import GradientTrainer
from engine.trainers.memory import MemoryTrainer
from tests.engine.samples import items_of, tiny_spec, write_mvtec


def loader(folder, split):
    return Loader(items_of(folder, split=split), image_size=64, batch_size=4)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_mvtec(tmp_path_factory.mktemp("data"))


@pytest.fixture
def trainer():
    return get_trainer("patchcore", build_model(tiny_spec("patchcore"), weights_folder=None, warn=lambda event: None))


@pytest.mark.parametrize(
    ("name", "expected"), [("padim", MemoryTrainer), ("memory", MemoryTrainer), ("stfpm", GradientTrainer), ("flow", FlowTrainer)]
)  # fmt: skip
def test_a_trainer_is_found_by_model_or_family(name, expected):
    model = build_model(tiny_spec("stfpm"), weights_folder=None, warn=lambda event: None)
    assert type(get_trainer(name, model)) is expected


def test_an_unknown_type_is_answered_with_those_there_are(trainer):
    with pytest.raises(LookupError, match="memory, gradient, flow, ensemble, patchcore"):
        get_trainer("mystery", trainer.modeler)


def test_fit_alone_is_one_epoch_and_the_fit_that_follows(trainer, data):
    history = trainer.fit(loader(data, "train"), valid_loader=loader(data, "test"))
    assert len(history["train"]) == 1
    assert history["val"] == []
    assert history["train"][0]["loss"] is None
    assert history["train"][0]["samples"] == 16 * 8 * 8
    assert history["train"][0]["feature_std"] > 0
    assert trainer.validate(loader(data, "test")) == {"val_loss": None, "val_psnr": None, "val_ssim": None}


def test_two_epochs_are_refused(trainer, data):
    with pytest.raises(ValueError, match="exactly 1"):
        trainer.fit(loader(data, "train"), num_epochs=2)


def test_predict_evaluate_and_test_tell_one_story(trainer, data, tmp_path):
    trainer.fit(loader(data, "train"))
    scores, labels = trainer.predict(loader(data, "test"))
    assert scores.shape == labels.shape == (8,)
    threshold = float(scores[labels == 0].max())
    measured = trainer.evaluate(loader(data, "test"), threshold=threshold)
    assert measured["image_auroc"] > 0.8
    assert measured["pixel_auroc"] > 0.8
    assert measured["overkill"] == 0
    written = trainer.test(loader(data, "test"), tmp_path / "out", threshold=threshold)
    assert written["images"] == 8
    assert written["summary"]["anomalous"] == int((scores > threshold).sum())
    said = [json.loads((tmp_path / "out" / f"{i:04d}.json").read_text()) for i in range(8)]
    assert [entry["image"]["score"] for entry in said] == scores.tolist()
    assert np.array(Image.open(tmp_path / "out" / "0004_heatmap.png")).shape == (64, 64, 3)
    assert set(np.unique(np.array(Image.open(tmp_path / "out" / "0004_mask.png")))) <= {0, 255}


def test_a_pixel_threshold_marks_pixels_and_changes_no_verdict(trainer, data, tmp_path):
    trainer.fit(loader(data, "train"))
    for folder, pixel_threshold in (("all", -1.0), ("none", 1e9)):
        trainer.test(loader(data, "test"), tmp_path / folder, threshold=1e9, pixel_threshold=pixel_threshold)
        assert not json.loads((tmp_path / folder / "0004.json").read_text())["image"]["is_anomalous"]
        assert (np.array(Image.open(tmp_path / folder / "0004_mask.png")) == (255 if folder == "all" else 0)).all()


def test_only_the_level_asked_for_is_measured(trainer, data):
    trainer.fit(loader(data, "train"))
    images = trainer.evaluate(loader(data, "test"), pixel_level=False)
    pixels = trainer.evaluate(loader(data, "test"), image_level=False)
    assert {"image_auroc", "image_aupr", "image_f1_max"} <= set(images)
    assert {"pixel_auroc", "pixel_aupr"} <= set(pixels)
    assert not set(images) & set(pixels)


def test_a_checkpoint_brings_the_scores_back(trainer, data, tmp_path):
    trainer.fit(loader(data, "train"))
    scores, _ = trainer.predict(loader(data, "test"))
    trainer.save(tmp_path / "state.safetensors")
    fresh = get_trainer("memory", build_model(tiny_spec("patchcore"), weights_folder=None, warn=lambda event: None))
    fresh.evaluate(loader(data, "test"), ckpt_path=tmp_path / "state.safetensors")
    assert torch.equal(fresh.predict(loader(data, "test"))[0], scores)


def test_says_so_before_memory_runs_out(trainer, data, monkeypatch):
    monkeypatch.setattr("engine.free_memory.free_memory", lambda: 2**28)
    with pytest.raises(MemoryError, match="collecting the features of 16 images"):
        trainer.fit(loader(data, "train"))
