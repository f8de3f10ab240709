from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from engine import backbones
from engine.backbones import Backbone
from engine.events import Warned
from engine.weights import find_weights


@pytest.fixture(scope="module")
def weights_folder(tmp_path_factory) -> Path:
    """Weights of a whole resnet18, as someone would bring them over: recognisable random ones."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(99)
    network = backbones.timm.create_model("resnet18", pretrained=False)
    save_file(network.state_dict(), folder / "resnet18.tv_in1k.safetensors", metadata={"license": "MIT"})
    return folder


def test_gives_one_level_per_layer_at_its_stride():
    backbone = Backbone("mobilenetv2_100", layers=[3, 1, 2], weights="random")
    levels = backbone(torch.rand(2, 3, 64, 96))
    assert backbone.strides == [4, 8, 16]
    expected = [(2, c, 64 // s, 96 // s) for c, s in zip(backbone.channels, backbone.strides, strict=True)]
    assert [tuple(level.shape) for level in levels] == expected


def test_is_frozen_in_training_too():
    backbone = Backbone("resnet18", layers=[1], weights="random").train()
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    assert not any(parameter.requires_grad for parameter in backbone.parameters())
    backbone(torch.rand(4, 3, 64, 64))
    assert all(torch.equal(tensor, before[name]) for name, tensor in backbone.state_dict().items())


def test_random_weights_are_the_seeds_and_leave_the_global_numbers_alone():
    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    one = Backbone("resnet18", layers=[1], weights="random", seed=1)
    assert torch.equal(torch.rand(1), expected)
    same, other = (Backbone("resnet18", layers=[1], weights="random", seed=seed) for seed in (1, 2))
    assert one.fingerprint() == same.fingerprint() != other.fingerprint()


def test_takes_weights_from_the_folder_and_records_them(weights_folder):
    backbone = Backbone(
        "resnet18", layers=[1, 2], weights="pretrained", weights_folder=weights_folder, hub=False, trainable=True
    )
    saved = backbones.timm.create_model(
        "resnet18", checkpoint_path=str(weights_folder / "resnet18.tv_in1k.safetensors")
    ).state_dict()
    assert torch.equal(backbone.network.state_dict()["layer1.0.conv1.weight"], saved["layer1.0.conv1.weight"])
    assert (backbone.source, backbone.tag) == ("local file resnet18.tv_in1k.safetensors", "tv_in1k")
    assert backbone.licence == "MIT"


@pytest.mark.parametrize(("tag", "mean"), [("tv_in1k", 0.485), ("ra4_e3600_r224_in1k", 0.5), ("our_own", 0.485)])
def test_images_are_normalised_as_for_the_weights_that_were_found(tmp_path, tag, mean):
    network = backbones.timm.create_model("resnet34", pretrained=False)
    save_file(network.state_dict(), tmp_path / f"resnet34.{tag}.safetensors")
    backbone = Backbone("resnet34", layers=[1], weights_folder=tmp_path, hub=False)
    assert backbone.tag == tag
    assert backbone.mean.flatten()[0].item() == pytest.approx(mean)


def test_without_weights_auto_warns_and_pretrained_says_how_to_bring_them(tmp_path):
    warned: list[Warned] = []
    backbone = Backbone("resnet18", layers=[1], weights_folder=tmp_path, hub=False, warn=warned.append)
    assert (backbone.source, [event.code for event in warned]) == ("random", ["weights_random"])
    with pytest.raises(LookupError, match=r"resnet18\.tv_in1k\.safetensors") as refused:
        find_weights("resnet18", weights="pretrained", folder=tmp_path, hub=False)
    assert str(tmp_path) in str(refused.value)


def test_asked_for_random_weights_are_no_warning():
    warned: list[Warned] = []
    Backbone("resnet18", layers=[1], weights="random", warn=warned.append)
    assert warned == []


def test_a_hub_out_of_reach_is_given_up_after_one_look(tmp_path, monkeypatch, no_connection_leaves_this_machine):
    monkeypatch.setenv("HF_ENDPOINT", "https://192.0.2.1")
    assert find_weights("resnet18", weights="auto", folder=tmp_path, hub=True).source == "random"
    assert no_connection_leaves_this_machine == [("192.0.2.1", 443)]


def test_an_unknown_network_is_answered_with_the_nearest_names():
    with pytest.raises(LookupError, match=r"did you mean .*resnet18"):
        Backbone("resnet81", layers=[1], weights="random")


def test_a_network_without_these_levels_is_refused_in_words():
    with pytest.raises(ValueError, match=r"offers no feature levels \[5\] \(have: 0, 1, 2, 3, 4\)"):
        Backbone("resnet18", layers=[1, 5], weights="random")
    with pytest.raises(ValueError, match=r"offers no blocks \[12\] \(have: 0 to 11\)"):
        Backbone("vit_small_patch14_dinov2", layers=[5, 12], weights="random")


def test_a_damaged_or_foreign_weights_file_is_refused_in_words(tmp_path, weights_folder):
    (tmp_path / "resnet18.safetensors").write_bytes(b"not safetensors")
    with pytest.raises(ValueError, match="damaged"):
        Backbone("resnet18", layers=[1], weights_folder=tmp_path, hub=False)
    foreign = tmp_path / "resnet34.safetensors"
    foreign.write_bytes((weights_folder / "resnet18.tv_in1k.safetensors").read_bytes())
    with pytest.raises(ValueError, match="does not fit"):
        Backbone("resnet34", layers=[1], weights_folder=tmp_path, hub=False)


def test_normalisation_by_image_takes_the_exposure_out():
    backbone = Backbone("resnet18", layers=[1], weights="random", normalisation="image")
    image = torch.rand(1, 3, 64, 64)
    darker = backbone.normalise(image * 0.5 + 0.1)
    torch.testing.assert_close(backbone.normalise(image), darker, rtol=0.02, atol=0.02)


def test_weights_from_tensorflow_get_its_padding():
    assert backbones._padding("coral_tf2_ptq_in1k") == {"pad_type": "same"}
    assert backbones._padding("tv_in1k") == {}


def test_a_student_has_the_same_shape_and_learns():
    backbone = Backbone("resnet18", layers=[1, 2], weights="random")
    student = backbone.student()
    images = torch.rand(1, 3, 64, 64)
    assert [level.shape for level in student(images)] == [level.shape for level in backbone(images)]
    assert all(parameter.requires_grad for parameter in student.parameters())
