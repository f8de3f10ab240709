from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from engine import backbones
from engine.backbones import Backbone
from engine.backbones.fused import fused
from engine.contract.backbones import PINNED_TAGS, hub_name
from engine.contract.events import Event, Warned
from engine.contract.folder import ModelFolder
from engine.contract.jobs import every_model
from engine.datasets.loading import Loader
from engine.models import build_model
from engine.saved_models import load_model, save_model
from engine.trainers.factory import get_trainer
from engine.weights import find_weights
from tests.engine.samples import items_of, tiny_spec, write_mvtec
from tests.stored_runs import card


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


@pytest.mark.parametrize("trainable", [False, True])
@pytest.mark.parametrize("name", ["resnet18", "mobilenetv2_100", "vit_tiny_patch16_224"])
def test_is_frozen_in_training_too(name, trainable):
    """Norms go by what they have learnt, not by the batch, and nothing is dropped; a folded norm could not show it."""
    backbone = Backbone(name, layers=[2], weights="random", trainable=trainable, image_size=64)
    before = {name: tensor.clone() for name, tensor in backbone.state_dict().items()}
    images = torch.rand(4, 3, 64, 64)
    expected = backbone.eval()(images)[0]
    assert torch.equal(backbone.train()(images)[0], expected)
    assert not any(module.training for module in backbone.modules())
    assert not any(parameter.requires_grad for parameter in backbone.parameters())
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


def test_the_hub_holds_the_usual_network_of_every_model_under_the_name_that_is_told():
    usual = {params.default_backbone for params in every_model().values() if params.default_backbone}
    for name in usual:
        told = hub_name(name)
        assert told in backbones.timm.list_pretrained(f"{name}.*")
        if name not in PINNED_TAGS:
            assert told == f"{name}.{backbones.timm.get_pretrained_cfg(name).tag}"


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
    assert backbones.padding_of("coral_tf2_ptq_in1k") == {"pad_type": "same"}
    assert backbones.padding_of("tv_in1k") == {}


def test_a_student_has_the_same_shape_and_learns():
    backbone = Backbone("resnet18", layers=[1, 2], weights="random")
    student = backbone.student()
    images = torch.rand(1, 3, 64, 64)
    assert [level.shape for level in student(images)] == [level.shape for level in backbone(images)]
    assert all(parameter.requires_grad for parameter in student.parameters())


def test_a_level_is_named_by_its_stride_whatever_the_networks_first_one_is():
    for name in ("convnext_atto", "swin_tiny_patch4_window7_224"):
        backbone = Backbone(name, layers=[1, 3], weights="random", image_size=64)
        assert [tuple(level.shape[1:]) for level in backbone(torch.rand(1, 3, 64, 64))] == [
            (channels, 64 // stride, 64 // stride) for channels, stride in zip(backbone.channels, (4, 16), strict=True)
        ]


@pytest.mark.parametrize(
    ("name", "grid"),
    [
        ("vit_small_patch14_reg4_dinov2", (5, 7)),  # 64 x 96 pixels: 70 x 98 are the nearest multiples of 14
        ("deit_tiny_distilled_patch16_224", (4, 6)),
        ("eva02_tiny_patch14_224", (5, 7)),
        ("cait_xxs24_224", (4, 4)),  # takes one size, that of image_size
        ("xcit_nano_12_p8_224", (8, 8)),
    ],
)
def test_a_transformer_gives_one_grid_per_block(name, grid):
    backbone = Backbone(name, layers=[4, 2], weights="random", image_size=64)
    levels = backbone(torch.rand(2, 3, 64, 96))
    assert backbone.is_transformer
    assert [tuple(level.shape) for level in levels] == [(2, channels, *grid) for channels in backbone.channels]
    assert [tuple(level.shape) for level in backbone.student()(torch.rand(1, 3, 64, 96))] == [
        (1, channels, *grid) for channels in backbone.channels
    ]


def test_a_transformers_levels_are_its_blocks_without_prefix_tokens_the_very_last_one_normed():
    backbone = Backbone("vit_tiny_patch16_224", layers=[3, 11], weights="random", seed=4)
    images = torch.rand(1, 3, 224, 224)
    torch.manual_seed(4)
    plain = backbones.timm.create_model("vit_tiny_patch16_224", dynamic_img_size=True).eval()
    with torch.no_grad():
        tokens = plain.forward_features(backbone.normalise(images))[:, 1:]  # ends with the norm
        raw = plain.forward_intermediates(backbone.normalise(images), indices=[3], intermediates_only=True)
    torch.testing.assert_close(backbone(images)[1].flatten(2).transpose(1, 2), tokens, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(backbone(images)[0], raw[0], rtol=1e-4, atol=1e-5)


def test_blocks_behind_the_last_level_are_not_kept():
    assert len(Backbone("vit_tiny_patch16_224", layers=[2], weights="random").network.model.blocks) == 3


def test_weights_of_one_size_bring_the_image_to_it(tmp_path):
    network = backbones.timm.create_model("cait_xxs24_224", pretrained=False)
    save_file(network.state_dict(), tmp_path / "cait_xxs24_224.safetensors")
    backbone = Backbone("cait_xxs24_224", layers=[2], weights_folder=tmp_path, hub=False, image_size=64)
    assert backbone(torch.rand(1, 3, 64, 64))[0].shape[-2:] == (14, 14)
    taken = backbone.network.state_dict()["model.blocks.2.attn.qkv.weight"]
    assert torch.equal(taken, network.state_dict()["blocks.2.attn.qkv.weight"])


def test_transformer_weights_are_taken_from_the_folder_at_another_image_size(tmp_path):
    network = backbones.timm.create_model("vit_tiny_patch16_224", pretrained=False)
    save_file(network.state_dict(), tmp_path / "vit_tiny_patch16_224.safetensors")
    backbone = Backbone("vit_tiny_patch16_224", layers=[2, 11], weights_folder=tmp_path, hub=False)
    assert backbone.source == "local file vit_tiny_patch16_224.safetensors"
    taken = backbone.network.state_dict()["model.blocks.2.attn.qkv.weight"]
    assert torch.equal(taken, network.state_dict()["blocks.2.attn.qkv.weight"])


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "vit_small_patch14_reg4_dinov2", "eva02_tiny_patch14_224"])
def test_attention_shares_of_the_patches_leave_a_rest_for_prefix_tokens(name):
    backbone = Backbone(name, layers=[1, 2], weights="random")
    images = torch.rand(2, 3, 64, 64)
    before = backbone(images)[-1]
    shares = backbone.attention(images)
    assert shares.shape == (2, 1, *before.shape[-2:])
    assert (shares > 0).all()
    assert (shares.sum(dim=(1, 2, 3)) < 1).all()
    assert torch.equal(backbone(images)[-1], before)


def test_attention_is_that_of_the_class_token_by_hand():
    backbone = Backbone("vit_tiny_patch16_224", layers=[0], weights="random")
    images, model = torch.rand(1, 3, 64, 64), backbone.network.model
    tokens = model._pos_embed(model.patch_embed(backbone.normalise(images)))  # (1, 17, C)
    attention, normed = model.blocks[0].attn, model.blocks[0].norm1(tokens)
    q, k, _ = attention.qkv(normed).view(1, 17, 3, 3, 64).permute(2, 0, 3, 1, 4)  # (1, heads, 17, 64) each
    expected = torch.softmax(q @ k.transpose(2, 3) / 8, dim=-1).mean(dim=1)[:, 0, 1:].view(1, 1, 4, 4)
    torch.testing.assert_close(backbone.attention(images), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", ["resnet18", "xcit_nano_12_p8_224", "cait_xxs24_224"])
def test_networks_without_attention_among_tokens_have_no_attention_map(name):
    backbone = Backbone(name, layers=[1], weights="random", image_size=64)
    assert backbone.attention(torch.rand(1, 3, 64, 64)) is None


@pytest.mark.parametrize(
    "name", ["mobilenetv2_100", "resnet18", "densenet121", "vgg11_bn", "resnetv2_50", "regnety_002"]
)
def test_a_frozen_network_laid_out_for_speed_gives_the_same_features(name):
    folder_free = {"weights": "random", "layers": [1, 2]}
    plain, quick = Backbone(name, **folder_free, trainable=True), Backbone(name, **folder_free)
    images = torch.rand(2, 3, 64, 64)
    for a, b in zip(plain(images), quick(images), strict=True):
        assert (a - b).abs().max() <= 1e-5 * a.abs().max()
    torch.manual_seed(quick.seed)
    whole = backbones.timm.create_model(name, features_only=True, out_indices=quick._plan.indices)
    assert quick.fingerprint() == backbones.fingerprint_of(whole)  # that of the weights, not of their layout


def moved_norms(network):
    """Statistics and factors as after a training, so that folding them wrongly shows."""
    generator = torch.Generator().manual_seed(1)
    for norm in (each for each in network.modules() if isinstance(each, torch.nn.BatchNorm2d)):
        norm.running_mean.normal_(generator=generator)
        norm.running_var.uniform_(0.5, 2, generator=generator)
        norm.weight.data.uniform_(0.5, 2, generator=generator)
        norm.bias.data.normal_(generator=generator)
    return network


def test_norms_are_folded_into_their_convolutions_and_only_there():
    for name, norms_left in [("mobilenetv2_100", 0), ("resnet18", 0), ("resnetv2_50", 99), ("densenet121", 61)]:
        network = moved_norms(backbones.timm.create_model(name, features_only=True, out_indices=[1, 2]).eval())
        quick = fused(network)
        images = torch.rand(1, 3, 64, 64)
        with torch.no_grad():
            for a, b in zip(network(images), quick(images), strict=True):
                assert (a - b).abs().max() <= 2e-5 * a.abs().max()
        assert sum(isinstance(each, torch.nn.BatchNorm2d) for each in quick.modules()) <= norms_left


def features_of(kind, images, **more):
    return Backbone("resnet18", layers=[1, 2], weights="random", feature_normalisation=kind, **more)(images)


def test_features_are_normalised_by_image_or_by_place():
    images = torch.rand(3, 3, 64, 64)
    for level in features_of("instance", images):
        torch.testing.assert_close(level.mean(dim=(2, 3)), torch.zeros(level.shape[:2]), atol=1e-4, rtol=0)
        assert level.std(dim=(2, 3), correction=0).median() == pytest.approx(1, abs=0.01)
    for level in features_of("layer", images):
        torch.testing.assert_close(level.mean(dim=1), torch.zeros_like(level[:, 0]), atol=1e-4, rtol=0)


def test_features_are_normalised_by_the_training_images_statistics(tmp_path):
    items = items_of(write_mvtec(tmp_path, train=7, good=1, defective=1), split="train")
    events: list[Event] = []
    backbone = Backbone("resnet18", layers=[1, 2], weights="random", feature_normalisation="batch")
    backbone.measure(Loader(items, image_size=64, batch_size=3), events.append)
    whole = next(iter(Loader(items, image_size=64, batch_size=7)))
    for level in backbone(whole.images):
        torch.testing.assert_close(level.mean(dim=(0, 2, 3)), torch.zeros(level.shape[1]), atol=1e-3, rtol=0)
        assert level.std(dim=(0, 2, 3), correction=0).median() == pytest.approx(1, abs=0.02)
    alone = backbone(whole.images[:1])[0]
    torch.testing.assert_close(alone, backbone(whole.images)[0][:1], rtol=1e-4, atol=1e-4)
    assert [(event.what, event.done, event.total) for event in events] == [("statistics", n, 7) for n in (3, 6, 7)]


def test_measured_statistics_are_saved_with_the_model(tmp_path):
    items = items_of(write_mvtec(tmp_path / "data", train=8, good=1, defective=1), split="train")
    model, spec = trained_on(items, tiny_spec("padim", num_features=8, feature_normalisation="batch"))
    folder = ModelFolder(tmp_path / "saved")
    save_model(folder, model, card=card(spec))
    again, _ = load_model(folder, weights_folder=None, hub=False)
    assert model.backbone.level_deviation_0.min() > 0
    assert torch.equal(again.backbone.level_deviation_0, model.backbone.level_deviation_0)
    assert not any(name.startswith("backbone.network") for name in model.state_to_save())


def trained_on(items, spec, **more):
    model = build_model(spec, weights_folder=None, hub=False, warn=lambda event: None, **more)
    trainer = get_trainer(spec.model.name, model)
    trainer.fit(Loader(items, image_size=64, batch_size=4, seed=0), num_epochs=spec.epochs)
    return model, spec


def test_styles_are_mixed_in_training_only_and_repeat_with_the_seed():
    backbone = Backbone("resnet18", layers=[1, 2], weights="random", style_mixing=1.0)
    images = torch.rand(4, 3, 64, 64) * torch.tensor([0.2, 0.5, 0.8, 1.0]).view(4, 1, 1, 1)
    plain = backbone(images)
    backbone.train()
    torch.manual_seed(1)
    mixed = backbone(images)
    torch.manual_seed(1)
    again = backbone(images)
    backbone.eval()
    assert all(torch.equal(a, b) for a, b in zip(mixed, again, strict=True))
    assert not torch.allclose(mixed[0], plain[0])
    assert all(torch.equal(a, b) for a, b in zip(backbone(images), plain, strict=True))
    styles = {tuple(row.tolist()) for row in plain[0].mean(dim=(2, 3)).mul(1e3).round()}
    assert {tuple(row.tolist()) for row in mixed[0].mean(dim=(2, 3)).mul(1e3).round()} <= styles


@pytest.mark.parametrize("name", ["mobilenetv2_100", "mobilenetv3_small_100", "efficientnet_b0"])
def test_stages_behind_the_last_level_are_not_run(name):
    whole = backbones.timm.create_model(name, features_only=True, out_indices=[1, 2])
    backbone = Backbone(name, layers=[1, 2], weights="random", trainable=True)
    assert sum(p.numel() for p in backbone.parameters()) < sum(p.numel() for p in whole.parameters()) / 2
    assert [level.shape[1] for level in backbone(torch.rand(1, 3, 64, 64))] == whole.feature_info.channels()
