"""CutPaste: when the backbone learns, what is saved of it, and how other trainings take it."""

import json
import shutil

import pytest
import torch
from pydantic import ValidationError

from engine.checkpoints import load_state
from engine.contract.folder import ModelFolder, RunFolder
from engine.contract.jobs import make_job
from engine.contract.results.card import LearntFrom
from engine.datasets.loading import Loader
from engine.models import build_model
from engine.saved_models import load_model, save_model
from engine.trainers.factory import get_trainer
from tests.engine.samples import items_of, tiny_spec, write_mvtec
from tests.stored_runs import card


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_mvtec(tmp_path_factory.mktemp("data"), train=8, good=2, defective=2)


def build(spec, **more):
    return build_model(spec, weights_folder=None, hub=False, warn=lambda event: None, **more)


def trained(spec, data, **more):
    model = build(spec, **more)
    trainer = get_trainer(spec.model.name, model)
    trainer.fit(Loader(items_of(data, split="train"), image_size=64, batch_size=4, seed=0), num_epochs=spec.epochs)
    return model


@pytest.fixture(scope="module")
def runs(tmp_path_factory, data):
    """A folder with one finished cutpaste run."""
    folder = tmp_path_factory.mktemp("runs")
    spec = tiny_spec("cutpaste", epochs=3, frozen_epochs=1, layers=[1, 2, 3])
    model = trained(spec, data)
    (folder / "adapted").mkdir()
    RunFolder(folder / "adapted").write_job(spec)
    save_model(RunFolder(folder / "adapted").model, model, card=learnt_from(spec, name="plates", licence="CC0"))
    return folder


def learnt_from(spec, **data):
    return card(spec).model_copy(update={"data": LearntFrom(**data)})


def weights(model):
    return {name: tensor.clone() for name, tensor in model.backbone.network.state_dict().items()}


def test_the_backbone_learns_only_after_its_frozen_epochs(data):
    before = weights(build(tiny_spec("cutpaste", epochs=4)))
    frozen = trained(tiny_spec("cutpaste", epochs=2, frozen_epochs=1), data)
    assert not torch.equal(weights(frozen)["conv_stem.weight"], before["conv_stem.weight"])
    spec = tiny_spec("cutpaste", epochs=2, frozen_epochs=1)
    model = build(spec)
    trainer = get_trainer("cutpaste", model)
    loader = Loader(items_of(data, split="train"), image_size=64, batch_size=4)
    trainer.recipe = model.recipe(epochs=2, steps_per_epoch=len(loader))
    trainer.train(loader)
    assert all(torch.equal(tensor, before[name]) for name, tensor in weights(model).items())
    trainer.train(loader, epoch=2)
    assert not torch.equal(weights(model)["conv_stem.weight"], before["conv_stem.weight"])


def test_frozen_epochs_leave_some_for_the_backbone():
    assert make_job("detect", "d", "cutpaste").model.frozen_epochs == 20
    assert make_job("detect", "d", "cutpaste", {"epochs": 12}).model.frozen_epochs == 3
    with pytest.raises((ValidationError, ValueError), match="frozen_epochs is 12, but there are 12 epochs"):
        make_job("detect", "d", "cutpaste", {"epochs": 12, "frozen_epochs": 12})


@pytest.mark.parametrize(("variants", "classes"), [("two", 2), ("three", 3)])
def test_as_many_classes_as_variants(variants, classes, data):
    model = build(tiny_spec("cutpaste", variants=variants))
    batch = next(iter(Loader(items_of(data, split="train"), image_size=64, batch_size=4)))
    assert model.head[-1].out_features == classes
    model.recipe(epochs=1, steps_per_epoch=1)
    loss = model.train().train_step(batch)["loss"]
    assert torch.isfinite(loss)
    assert loss.requires_grad


def test_the_validation_loss_repeats_and_leaves_the_random_numbers_alone(data):
    model = build(tiny_spec("cutpaste"))
    batch = next(iter(Loader(items_of(data, split="train"), image_size=64, batch_size=4)))
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    one, two = (model.validate_step(batch)["loss"] for _ in range(2))
    assert torch.equal(one, two)
    assert torch.equal(torch.rand(1), expected)


def test_another_training_takes_the_adapted_backbone_and_its_lineage(runs, data, tmp_path):
    spec = tiny_spec("patchcore", backbone_run="adapted", layers=[1, 2])
    model = trained(spec, data, runs=runs)
    assert model.backbone.source == "run adapted"
    assert [step["data"] for step in model.backbone.weights.lineage] == ["plates"]
    alone = ModelFolder(tmp_path / "alone")
    save_model(alone, model, card=card(spec))
    again, _ = load_model(alone, weights_folder=None, hub=False)  # no folder of runs: usable alone
    batch = next(iter(Loader(items_of(data, split="test"), image_size=64, batch_size=4)))
    assert torch.equal(again.predict_step(batch).pred_score, model.predict_step(batch).pred_score)
    plain = trained(tiny_spec("patchcore", layers=[1, 2]), data)
    assert not torch.equal(plain.predict_step(batch).pred_score, model.predict_step(batch).pred_score)


def test_a_further_adaptation_starts_from_an_adapted_backbone_and_adds_to_its_lineage(runs, data, tmp_path):
    spec = tiny_spec("cutpaste", epochs=1, frozen_epochs=0, layers=[1, 2], backbone_run="adapted")
    start, (held, _) = build(spec, runs=runs), load_state(RunFolder(runs / "adapted").model.backbone)
    assert all(torch.equal(tensor, held[name]) for name, tensor in weights(start).items())
    second = RunFolder(tmp_path / "second").model
    save_model(second, trained(spec, data, runs=runs), card=learnt_from(spec, name="own"))
    lineage = json.loads(load_state(second.backbone)[1]["lineage"])
    assert [(step["run"], step["data"], step["licence"]) for step in lineage] == [
        ("adapted", "plates", "CC0"),
        ("second", "own", None),
    ]


def test_a_backbone_that_cannot_be_taken_is_refused_in_words(runs, data):
    def refusal(**settings):
        with pytest.raises((LookupError, ValueError)) as refused:
            build(tiny_spec("patchcore", **{"layers": [1, 2], **settings}), runs=runs)
        return str(refused.value)

    for name in ("running", "memory"):
        (runs / name).mkdir(exist_ok=True)
        RunFolder(runs / name).write_job(tiny_spec("patchcore"))
    spec = tiny_spec("patchcore", layers=[1, 2])
    save_model(RunFolder(runs / "memory").model, trained(spec, data), card=card(spec))
    assert "no such run, did you mean 'adapted'? (have: adapted)" in refusal(backbone_run="adaptd")
    assert "has not finished" in refusal(backbone_run="running")
    assert "adapted no backbone: take a finished CutPaste training (have: adapted)" in refusal(backbone_run="memory")
    assert "take backbone mobilenetv2_100" in refusal(backbone_run="adapted", backbone="resnet18")
    assert "take fewer or lower layers" in refusal(backbone_run="adapted", layers=[2, 4])


def test_a_damaged_adapted_backbone_is_refused_in_words(runs, tmp_path):
    shutil.copytree(runs / "adapted", tmp_path / "broken")
    backbone = RunFolder(tmp_path / "broken").model.backbone
    backbone.write_bytes(backbone.read_bytes()[:500])
    with pytest.raises(ValueError, match="damaged"):
        build(tiny_spec("patchcore", backbone_run="broken"), runs=tmp_path)


def test_a_backbone_that_learnt_nothing_is_told(data):
    events = []
    model = build(tiny_spec("cutpaste", epochs=2, frozen_epochs=1))
    loader = Loader(items_of(data, split="train"), image_size=64, batch_size=4)
    model.recipe(epochs=2, steps_per_epoch=len(loader))
    model.finish(loader, None, events.append)  # nothing was learnt yet
    assert events[0].code == "backbone_not_adapted"
    assert (events[-1].done, events[-1].total) == (16, 16)
