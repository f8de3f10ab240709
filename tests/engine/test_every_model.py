"""One contract over all models: a new model joins by a file of its name in engine/contract/models and in engine/models."""

import gc
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from engine.contract.events import Batches, Collection, Epoch, Event, Fitting
from engine.contract.folder import ModelFolder, RunFolder
from engine.contract.jobs.detect import DetectJob
from engine.contract.models import MODELS
from engine.datasets import Item
from engine.datasets.loading import Batch, Loader
from engine.models import AnomalyModel
from engine.report import StopRequested
from engine.saved_models import load_model, save_model
from engine.tasks.detect.assembly import assemble_model
from engine.trainers.factory import get_trainer
from tests.engine.samples import items_of, tiny_spec, write_mvtec
from tests.stored_runs import card

pytestmark = pytest.mark.slow
QUICK: dict[str, dict[str, Any]] = {
    "patchcore": {"coreset_ratio": 0.1},
    "padim": {"num_features": 30},
    "spade": {},
    "dfm": {"pooling": 2, "layers": [2]},
    "subspace": {"layers": [1, 2]},
    "dino_bank": {"layers": [2], "tiles": 2},
    "autoencoder": {"epochs": 12, "base_channels": 8, "latent_channels": 16, "learning_rate": 2e-3, "patience": 0},
    "stfpm": {"epochs": 8, "layers": [1, 2], "backbone": "resnet18", "patience": 0},
    "reverse_distillation": {"epochs": 6, "layers": [1, 2], "backbone": "resnet18", "patience": 0},
    "efficientad": {"epochs": 2, "teacher_steps": 4, "teacher_channels": 32, "batch_size": 4},
    "supersimplenet": {"epochs": 20, "layers": [1], "noise_std": 0.5, "upscale": 1},
    "dinomaly": {"epochs": 12, "layers": [1, 2], "decoder_blocks": 2, "blur_sigma": 2.0},
    "draem": {"epochs": 14, "base_channels": 8, "marking_channels": 8, "learning_rate": 3e-3, "defect_share": 0.8},
    "cutpaste": {"epochs": 6, "frozen_epochs": 2, "layers": [1, 2]},
    "fastflow": {"epochs": 6, "flow_steps": 2, "layers": [1, 2], "patience": 0},
    "cflow": {"epochs": 6, "layers": [1, 2], "coupling_blocks": 2, "patience": 0},
    "ensemble": {"members": ["patchcore", "padim"]},
}


@dataclass
class Trained:
    spec: DetectJob
    model: AnomalyModel
    events: list[Event]
    train: list[Item]
    test: list[Item]
    held: int  # bytes of all tensors that are there since it was learnt


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_mvtec(tmp_path_factory.mktemp("data"), train=24, good=8, defective=8)


@pytest.fixture(scope="module")
def runs(tmp_path_factory, data) -> Path:
    """Finished runs that an ensemble can be made of."""
    folder = tmp_path_factory.mktemp("runs")
    for name in QUICK["ensemble"]["members"]:
        spec = tiny_spec(name, **QUICK[name])
        model = learn(spec, items_of(data, split="train"), lambda event: None, runs=None)
        save_model(RunFolder(folder / name).model, model, card=card(spec))
    return folder


@pytest.fixture(scope="module")
def textures(tmp_path_factory) -> Path:
    """Darker and brighter plates to make defects of, as those of the data set are.

    Of drawn textures alone the shortest training learns, by chance, to mark dark patches or bright ones or both: another
    processor's rounding decides which.
    """
    folder = tmp_path_factory.mktemp("textures")
    for number, grey in enumerate((30, 50, 180, 210)):
        grain = np.random.default_rng(number).normal(grey, 4, (64, 64))
        Image.fromarray(grain.clip(0, 255).astype(np.uint8)).save(folder / f"{grey}.png")
    return folder


@pytest.fixture(scope="module", params=list(MODELS))
def trained(request, data, runs, textures) -> Trained:
    takes_textures = "texture_folder" in MODELS[request.param].model_fields
    own = {"texture_folder": str(textures)} if takes_textures else {}
    spec = tiny_spec(request.param, **QUICK.get(request.param, {}), **own)
    events: list[Event] = []
    items = items_of(data, split="train")
    before = bytes_alive()
    model = learn(spec, items, events.append, runs=runs)
    held = bytes_alive() - before
    return Trained(spec, model, events, items, items_of(data, split="test"), held)


def learn(spec: DetectJob, items: list[Item], report: Any, *, runs: Path | None, **settings: Any) -> AnomalyModel:
    model = assemble_model(spec, weights_folder=None, hub=False, warn=lambda event: None, runs=runs or Path())
    trainer = get_trainer(spec.model.name, model, report=report, **settings)
    fitting = loader(spec, items, seed=spec.seed, synthesis=model.synthesis())
    trainer.fit(fitting, num_epochs=spec.epochs)
    return model.eval()


def loader(spec: DetectJob, items: list[Item], **more: Any) -> Loader:
    return Loader(items, image_size=spec.image_size, batch_size=more.pop("batch_size", spec.batch_size), **more)


def one_batch(spec: DetectJob, items: list[Item]) -> Batch:
    return next(iter(loader(spec, items, batch_size=len(items))))


@torch.no_grad()
def scores(model: AnomalyModel, batch: Batch) -> torch.Tensor:
    return model.predict_step(batch).pred_score


def tensors_alive() -> list[torch.Tensor]:
    gc.collect()
    return [found for found in gc.get_objects() if issubclass(type(found), torch.Tensor)]


def bytes_alive() -> int:
    return bytes_of(tensors_alive())


def bytes_of(tensors: list[torch.Tensor]) -> int:
    """Bytes of the storages that these tensors look at, each counted once."""
    storages = {tensor.untyped_storage().data_ptr(): tensor.untyped_storage().nbytes() for tensor in tensors}
    return sum(storages.values())


def test_scores_defects_higher_than_goods(trained):
    batch = one_batch(trained.spec, trained.test)
    found = scores(trained.model, batch)
    good, defective = found[batch.labels == 0], found[batch.labels == 1]
    assert (defective[:, None] > good[None, :]).float().mean() > 0.8  # share of pairs in the right order: the AUROC


def test_gives_scores_maps_masks_and_labels_of_the_right_shapes(trained):
    batch = one_batch(trained.spec, trained.test[:3])
    found = trained.model.predict(batch, threshold=0.0)
    assert found.pred_score.shape == found.label.shape == (3,)
    assert found.anomaly_map.shape == found.binary_mask.shape == (3, 1, 64, 64)
    assert torch.isfinite(found.anomaly_map).all()


def test_points_at_the_defect(trained):
    batch = one_batch(trained.spec, [item for item in trained.test if item.label == "defective"])
    found = trained.model.predict(batch, threshold=0.0).anomaly_map
    inside = (found * batch.masks).sum() / batch.masks.sum()
    outside = (found * (1 - batch.masks)).sum() / (1 - batch.masks).sum()
    assert inside > outside


def test_a_score_depends_on_no_batch_mate_and_on_no_order(trained):
    whole = scores(trained.model, one_batch(trained.spec, trained.test))
    backwards = scores(trained.model, one_batch(trained.spec, trained.test[::-1])).flip(0)
    alone = torch.cat([scores(trained.model, one_batch(trained.spec, [item])) for item in trained.test])
    torch.testing.assert_close(whole, backwards, rtol=1e-3, atol=1e-5)
    torch.testing.assert_close(whole, alone, rtol=1e-3, atol=1e-5)


def test_a_saved_model_loaded_again_scores_the_same(trained, tmp_path):
    save_model(ModelFolder(tmp_path / "saved"), trained.model, card=card(trained.spec))
    again, _ = load_model(ModelFolder(tmp_path / "saved"), weights_folder=None, hub=False)
    batch = one_batch(trained.spec, trained.test)
    assert torch.equal(scores(again, batch), scores(trained.model, batch))


def test_saves_a_backbone_only_where_it_is_learnt(trained, tmp_path):
    state = trained.model.state_to_save()
    assert state
    assert any("backbone" in name for name in state) == trained.spec.model.adapts_backbone
    save_model(ModelFolder(tmp_path / "saved"), trained.model, card=card(trained.spec))
    assert ModelFolder(tmp_path / "saved").backbone.exists() == trained.spec.model.adapts_backbone


def test_reports_its_progress_up_to_the_end(trained):
    if trained.spec.model.family == "memory":
        collected = [event for event in trained.events if isinstance(event, Collection)]
        fitted = [event for event in trained.events if isinstance(event, Fitting)]
        assert collected[-1].images == collected[-1].total_images == len(trained.train)
        assert collected[-1].feature_std > 0
        assert fitted[-1].done == fitted[-1].total
    elif trained.spec.model.family == "ensemble":
        assert {event.what for event in trained.events} == {"calibrating"}
        assert trained.events[-1].done == trained.events[-1].total
    else:
        epochs = [event for event in trained.events if isinstance(event, Epoch)]
        assert [event.epoch for event in epochs] == list(range(1, trained.spec.epochs + 1))
        assert any(isinstance(event, Batches) for event in trained.events)
        assert ("psnr" in epochs[0].figures) == trained.spec.model.reconstructs


def test_stops_when_told(trained, runs):
    calls = SimpleNamespace(count=0)

    def stop_at_the_third(event: Event) -> None:
        calls.count += 1
        if calls.count >= 3:
            raise StopRequested

    with pytest.raises(StopRequested):
        learn(trained.spec, trained.train, stop_at_the_third, runs=runs)
    assert calls.count == 3


def test_an_interrupted_learning_ends_like_one_that_was_not(trained, runs, tmp_path):
    """Models with epochs go on after the last one that was over, the others start again: the same seed gives the same model."""
    has_epochs = trained.spec.model.family in ("gradient", "flow")
    last = trained.spec.epochs // 2 + 1 if has_epochs else None
    keeping = {"checkpoints": tmp_path, "checkpoint_every_s": 0.0, "resume": True} if has_epochs else {}
    events: list[Event] = []

    def stop_midway(event: Event) -> None:
        if isinstance(event, Batches | Collection) and getattr(event, "epoch", None) == last:
            raise StopRequested

    with pytest.raises(StopRequested):
        learn(trained.spec, trained.train, stop_midway, runs=runs, **keeping)
    again = learn(trained.spec, trained.train, events.append, runs=runs, **keeping)
    assert [event.epoch for event in events if isinstance(event, Epoch)] == list(
        range(last or 1, trained.spec.epochs + 1 if has_epochs else 1)
    )
    ours, theirs = again.state_to_save(), trained.model.state_to_save()
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []
    batch = one_batch(trained.spec, trained.test)
    assert torch.equal(scores(again, batch), scores(trained.model, batch))


def test_learning_leaves_nothing_behind_but_the_model(trained, tmp_path):
    """No collected features, no kept ones, no optimiser, no gradients: it holds what one that was loaded and used holds."""
    save_model(ModelFolder(tmp_path / "saved"), trained.model, card=card(trained.spec))
    before = bytes_alive()
    again, _ = load_model(ModelFolder(tmp_path / "saved"), weights_folder=None, hub=False)
    again.predict(one_batch(trained.spec, trained.test), threshold=0.0)
    assert trained.held <= bytes_alive() - before + 2**14
    assert trained.model.bytes_collected() == 0
    assert all(parameter.grad is None for parameter in trained.model.parameters())


def test_looking_at_pictures_leaves_nothing_behind(trained):
    """No graph, no growing bank: after the first look every further one leaves as many tensors as there were."""
    batch = one_batch(trained.spec, trained.test)
    found = trained.model.predict(batch, threshold=0.0)
    assert not found.pred_score.requires_grad
    assert not found.anomaly_map.requires_grad
    state = {name: tensor.clone() for name, tensor in trained.model.state_to_save().items()}
    alive = tensors_alive()
    before = len(alive), bytes_of(alive)
    assert not [tensor for tensor in alive if tensor.grad_fn is not None]
    del alive
    for _ in range(3):
        trained.model.predict(batch, threshold=0.0)
    alive = tensors_alive()
    assert (len(alive), bytes_of(alive)) == before
    del alive
    now = trained.model.state_to_save()
    assert all(torch.equal(state[name], now[name]) for name in state)
