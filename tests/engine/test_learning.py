"""Learning with less than there is: memory that runs out, few good pictures, labelled defects."""

import json
from pathlib import Path

import pytest
import torch

from engine.datasets import Item
from engine.datasets.splits import split_items
from engine.events import Collection, Epoch, Stage, Warned, read_events
from engine.failures import failure
from engine.learning import policy_for
from engine.models.autoencoder import Autoencoder
from engine.policy import share_out, validation_share
from engine.report import Report
from engine.spec import TrainSpec
from engine.train import train
from tests.engine.samples import tiny_spec, write_mvtec, write_run

PETABYTE = 2**50  # beyond any address space: the allocator refuses for real


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_mvtec(tmp_path_factory.mktemp("data"), train=12, good=3, defective=3)


def run_in(folder: Path, spec: TrainSpec, data: Path) -> list:
    run = write_run(folder, spec)
    report = Report(run)
    try:
        train(spec, run, data=data, report=report, hub=False)
    finally:
        report.log.close()
    return read_events(run)


def takes_too_much(*, above: int, from_epoch: int = 1):
    """A train_step that asks for a petabyte where the batch holds more than `above` pictures."""
    honest, seen = Autoencoder.train_step, []

    def greedy(self, batch):
        seen.append(len(batch))
        if len(batch) > above and len(seen) >= from_epoch:
            torch.empty(PETABYTE, dtype=torch.uint8)
        return honest(self, batch)

    return greedy


AUTOENCODER = {"epochs": 3, "base_channels": 4, "latent_channels": 8, "batch_size": 8}


@pytest.mark.parametrize("step", [1, 4])
def test_a_training_without_memory_starts_again_once_with_half_the_batch(tmp_path, data, monkeypatch, step):
    monkeypatch.setattr(Autoencoder, "train_step", takes_too_much(above=4, from_epoch=step))
    events = run_in(tmp_path / "greedy", tiny_spec("autoencoder", **AUTOENCODER), data)
    lowered = [event for event in events if isinstance(event, Warned) and event.code == "batch_lowered"]
    assert [event.values for event in lowered] == [{"old": 8, "new": 4}]
    assert [event.name for event in events if isinstance(event, Stage)].count("training") == 2
    assert [event.epoch for event in events if isinstance(event, Epoch)][-3:] == [1, 2, 3]
    monkeypatch.undo()
    modest = run_in(tmp_path / "modest", tiny_spec("autoencoder", **(AUTOENCODER | {"batch_size": 4})), data)
    losses = [[event.loss for event in each if isinstance(event, Epoch)][-3:] for each in (events, modest)]
    assert losses[0] == losses[1]


def test_memory_that_runs_out_a_second_time_ends_the_run_honestly(tmp_path, data, monkeypatch):
    monkeypatch.setattr(Autoencoder, "train_step", takes_too_much(above=2))
    with pytest.raises(RuntimeError) as refused:
        run_in(tmp_path / "run", tiny_spec("autoencoder", **AUTOENCODER), data)
    told = failure(refused.value)
    assert (told.code, "batch_size" in told.hint) == ("memory", True)
    codes = [event.code for event in read_events(tmp_path / "run") if isinstance(event, Warned)]
    assert codes.count("batch_lowered") == 1


def test_a_run_that_goes_on_keeps_the_lower_batch(tmp_path, data):
    spec = tiny_spec("padim", num_features=10, batch_size=8, threshold_policy="split_conformal")
    report = Report(write_run(tmp_path / "run", spec))
    report(Warned(code="batch_lowered", message="", values={"old": 8, "new": 4}))
    report.log.close()
    again = Report(tmp_path / "run")
    train(spec, tmp_path / "run", data=data, report=again, hub=False)
    again.log.close()
    last = [event for event in read_events(tmp_path / "run") if isinstance(event, Collection)][-1]
    assert (last.images, last.batches) == (10, 3)


def test_leave_one_out_of_a_model_with_epochs_trains_it_once_more_for_each_of_three_folds(tmp_path, data):
    spec = tiny_spec("autoencoder", **AUTOENCODER, validation_share=0.0, threshold_policy="leave_one_out")
    events = run_in(tmp_path / "run", spec, data)
    assert [event.epoch for event in events if isinstance(event, Epoch)] == [1, 2, 3]  # the folds tell none of theirs
    calibrating = [event for event in events if event.type == "batches" and event.what == "calibrating"]
    assert calibrating[-1].done == calibrating[-1].total == 12
    saved = json.loads((tmp_path / "run" / "model" / "model.json").read_text())
    threshold = saved["thresholds"]["image"]
    assert (threshold["policy"], threshold["calibration_images"]) == ("leave_one_out", 12)
    assert saved["data"]["licence"] is None
    assert set(saved["versions"]) >= {"torch", "timm"}


@pytest.mark.parametrize("own_test", [True, False])
@pytest.mark.parametrize("model", ["padim", "autoencoder"])
@pytest.mark.parametrize("good", [39, 40, 45, 49, 50])
def test_a_run_shares_good_pictures_out_as_its_plan_said(model, good, own_test):
    items = [Item(Path(f"{i}.png"), f"{i}.png", "train", "good") for i in range(good)]
    items.append(Item(Path("t.png"), "t.png", "test", "good" if own_test else "defective"))
    spec = tiny_spec(model)
    planned = share_out(spec, good=good, has_own_test=own_test)
    split = split_items(items, calibration_share=0.2, validation_share=validation_share(spec), seed=0)
    assert policy_for(spec, split) == planned.policy
    held = [] if planned.policy == "leave_one_out" else split.calibration
    assert len(split.fit) + len(split.calibration) - len(held) == planned.fit
    assert len(held or split.fit + split.calibration) == planned.threshold


def test_memory_models_learn_from_augmented_pictures_beside_the_plain_ones(tmp_path, data):
    spec = tiny_spec("padim", num_features=10, augmentation="light", threshold_policy="split_conformal")
    events = run_in(tmp_path / "run", spec, data)
    collected = [event for event in events if isinstance(event, Collection)]
    assert collected[-1].images == collected[-1].total_images == 2 * 10
