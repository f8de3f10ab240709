import pytest
import torch

from engine.checkpoints import load_state, save_state
from engine.contract.folder import ModelFolder
from engine.contract.models import MODELS
from engine.contract.results.detect import DetectCard
from engine.models import AnomalyModel, build_model
from engine.saved_models import load_model, save_model
from tests.engine.samples import tiny_spec
from tests.stored_runs import card


def fresh(**settings) -> AnomalyModel:
    return build_model(tiny_spec("patchcore", **settings), weights_folder=None, warn=lambda event: None)


def test_a_state_comes_back_with_its_facts_and_leaves_nothing_aside(tmp_path):
    save_state(tmp_path / "a.safetensors", {"bank": torch.arange(6.0).view(2, 3)}, facts={"model": "x"})
    state, facts = load_state(tmp_path / "a.safetensors")
    assert state["bank"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert facts == {"model": "x"}
    assert [path.name for path in tmp_path.iterdir()] == ["a.safetensors"]


def test_half_a_file_is_refused_in_words(tmp_path):
    save_state(tmp_path / "a.safetensors", {"bank": torch.zeros(100, 100)})
    whole = (tmp_path / "a.safetensors").read_bytes()
    (tmp_path / "a.safetensors").write_bytes(whole[:1000])
    with pytest.raises(ValueError, match="is damaged"):
        load_state(tmp_path / "a.safetensors")


def test_a_state_of_another_model_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"missing \[.*bank.*\], unknown \['mean'\]"):
        fresh().load_saved({"mean": torch.zeros(3)})


@pytest.mark.parametrize("model", [name for name in MODELS if name != "ensemble"])  # that one holds other models
def test_every_model_says_what_a_foreign_state_lacks(model):
    with pytest.raises(ValueError, match=r"of another model: missing \[.*unknown \['number'\]"):
        build_model(tiny_spec(model), weights_folder=None, warn=lambda event: None).load_saved(
            {"number": torch.zeros(1)}
        )


def test_a_state_of_other_settings_is_refused_with_what_differs():
    small, large = (
        build_model(tiny_spec("autoencoder", image_size=size), weights_folder=None, warn=lambda event: None)
        for size in (64, 96)
    )
    with pytest.raises(ValueError, match=r"other settings: encoder.* is \(.*\), here \("):
        small.load_saved(large.state_to_save())


def test_a_model_never_runs_on_other_weights_than_its_own(tmp_path):
    spec = tiny_spec("patchcore")
    folder = ModelFolder(tmp_path / "saved")
    save_model(folder, fresh(), card=card(spec))
    told = folder.read_card(DetectCard)
    folder.write_card(told.model_copy(update={"backbone_fingerprint": "another"}))
    folder.seal()
    with pytest.raises(ValueError, match="trained on other weights"):
        load_model(folder, weights_folder=None, hub=False)


def test_saving_again_replaces_the_whole_folder(tmp_path):
    folder = ModelFolder(tmp_path / "saved")
    folder.path.mkdir()
    (folder.path / "stale.txt").write_text("old")
    save_model(folder, fresh(), card=card(tiny_spec("patchcore")))
    assert set(folder.path.iterdir()) == {folder.checksums, folder.card, folder.state}
    assert list(tmp_path.iterdir()) == [folder.path]
