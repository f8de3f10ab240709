"""A saved model, state or checkpoint gives what was saved, or is refused in words that name the file."""

import json
import random
import shutil
from pathlib import Path

import pytest
from PIL import Image

import engine.scorer
from engine.contract.events import Warned
from engine.contract.folder import ModelFolder, RunFolder
from engine.datasets import Item
from engine.models.autoencoder import Autoencoder
from engine.report import StopRequested
from engine.saved_models import load_model
from engine.tasks.detect.assembly import assemble_model
from engine.trainers.epochs import EpochTrainer
from tests.engine.samples import items_of, plate, run_here, tiny_spec, write_mvtec

PADIM = tiny_spec("padim", num_features=10, threshold_policy="split_conformal")
CUTPASTE = tiny_spec(
    "cutpaste", epochs=1, frozen_epochs=0, layers=[1, 2], validation_share=0, threshold_policy="percentile"
)
EPOCHS = tiny_spec(
    "autoencoder", epochs=4, base_channels=4, latent_channels=8, patience=0, threshold_policy="percentile"
)
FLIPS = 40  # for each file


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_mvtec(tmp_path_factory.mktemp("data"), train=12, good=3, defective=3)


@pytest.fixture(scope="module")
def runs(data, tmp_path_factory) -> Path:
    """A model of each kind: a memory, one with a backbone of its own, and an ensemble of two."""
    folder = tmp_path_factory.mktemp("runs")
    run_here(folder / "padim", PADIM, data)
    run_here(folder / "patchcore", tiny_spec("patchcore", coreset_ratio=0.1, threshold_policy="split_conformal"), data)
    run_here(folder / "cutpaste", CUTPASTE, data)
    run_here(folder / "both", tiny_spec("ensemble", members=["padim", "patchcore"]), data)
    return folder


def copied(run: Path, to: Path) -> ModelFolder:
    return ModelFolder(Path(shutil.copytree(RunFolder(run).model.path, to)))


@pytest.mark.parametrize("run", ["padim", "cutpaste", "both"])
def test_a_bit_that_flipped_in_any_file_of_a_model_is_told_by_the_files_name(runs, tmp_path, run):
    model = copied(runs / run, tmp_path / "saved")
    load_model(model, weights_folder=None, hub=False)
    chance = random.Random(0)
    files = sorted(path for path in model.path.rglob("*") if path.is_file())
    assert len(files) > (5 if run == "both" else 2)
    for path in files:
        whole = path.read_bytes()
        for _ in range(FLIPS):
            at = chance.randrange(len(whole))
            path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << chance.randrange(8))]) + whole[at + 1 :])
            with pytest.raises(ValueError, match=path.name):
                load_model(model, weights_folder=None, hub=False)
        path.write_bytes(whole)
    load_model(model, weights_folder=None, hub=False)


MODEL = ModelFolder(Path())


@pytest.mark.parametrize("gone", [path.name for path in (MODEL.checksums, MODEL.card, MODEL.state, MODEL.backbone)])
def test_a_file_of_a_model_that_is_gone_is_named(runs, tmp_path, gone):
    model = copied(runs / "cutpaste", tmp_path / "saved")
    (model.path / gone).unlink()
    with pytest.raises(ValueError, match=f"{gone} is gone"):
        load_model(model, weights_folder=None, hub=False)


def test_a_damaged_model_is_no_member_and_lends_no_backbone(runs, data, tmp_path):
    folder = shutil.copytree(runs, tmp_path / "runs")
    for run in ("padim", "cutpaste"):
        path = next(RunFolder(folder / run).model.path.glob("*.safetensors"))
        path.write_bytes(path.read_bytes()[:-1] + b"\x7f")
    for spec in (
        tiny_spec("ensemble", members=["padim", "patchcore"]),
        tiny_spec("patchcore", layers=[1, 2], backbone_run="cutpaste"),
    ):
        with pytest.raises(ValueError, match="is damaged: its contents are not those that were written"):
            assemble_model(spec, weights_folder=None, hub=False, warn=lambda event: None, runs=folder)


def test_a_card_that_is_gone_from_a_model_of_an_older_version_is_named(runs, tmp_path):
    model = copied(runs / "padim", tmp_path / "saved")
    model.checksums.unlink()
    model.card.unlink()
    with pytest.raises(ValueError, match=f"{model.card.name} is gone; train again"):
        load_model(model, weights_folder=None, hub=False)


@pytest.mark.parametrize("value", ["Infinity", "NaN", "1e999", "null", '"high"'])
def test_a_threshold_that_is_no_finite_number_is_refused(runs, tmp_path, value):
    model = copied(runs / "padim", tmp_path / "saved")
    told = json.loads(model.card.read_text())
    told["thresholds"]["image"]["value"] = "here"
    del told["checksums"]
    model.checksums.unlink()
    model.card.write_text(json.dumps(told).replace('"here"', value))
    with pytest.raises(ValueError, match=f"{model.card.name} cannot be understood"):
        load_model(model, weights_folder=None, hub=False)


def test_a_saved_model_that_scores_otherwise_fails_its_run(data, tmp_path, monkeypatch):
    honest = engine.scorer.load_model

    def off_by_a_thousandth(folder, **how):
        model, card = honest(folder, **how)
        model.models[0].mean.mul_(1.002)  # of the full size; there are two scales
        return model, card

    monkeypatch.setattr(engine.scorer, "load_model", off_by_a_thousandth)
    with pytest.raises(RuntimeError, match="loaded again, scores differently"):
        run_here(tmp_path / "run", PADIM, data)


def interrupted(folder: Path, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A training that was killed in its third epoch, with a checkpoint after each."""
    monkeypatch.setitem(EpochTrainer.__init__.__kwdefaults__, "checkpoint_every_s", 0.0)
    honest, steps = Autoencoder.train_step, []

    def killed(self, batch):
        steps.append(len(batch))
        if len(steps) > 6:
            raise StopRequested
        return honest(self, batch)

    monkeypatch.setattr(Autoencoder, "train_step", killed)
    with pytest.raises(StopRequested):
        run_here(folder, EPOCHS, data)
    monkeypatch.setattr(Autoencoder, "train_step", honest)
    assert RunFolder(folder).checkpoint.is_file()


@pytest.mark.parametrize("changed", [False, True])
def test_a_checkpoint_is_taken_only_where_the_data_is_what_it_was(tmp_path, monkeypatch, changed):
    data = write_mvtec(tmp_path / "data", train=12, good=3, defective=3)
    interrupted(tmp_path / "run", data, monkeypatch)
    if changed:  # one picture is exchanged, under its name
        exchange(items_of(data, split="train")[0])
    codes = {event.code for event in run_here(tmp_path / "run", EPOCHS, data) if isinstance(event, Warned)}
    assert {"resumed", "checkpoint_damaged"} & codes == ({"checkpoint_damaged"} if changed else {"resumed"})


def exchange(item: Item) -> None:
    Image.fromarray(plate(500)[0]).save(item.path)
