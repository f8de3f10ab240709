"""Reverse distillation: its shape against the paper's, its loss and map by hand, any backbone and grid."""

import pytest
import torch
from torch.nn import functional

from engine.backbones import Backbone
from engine.contract.models.reverse_distillation import ReverseDistillationParams
from engine.datasets.loading import Batch
from engine.models.reverse_distillation import Decoder, Embedding, ReverseDistillation, build
from tests.engine.samples import tiny_spec


def reverse_distillation(layers=(1, 2), **settings):
    backbone = Backbone("resnet18", layers=list(layers), weights="random")
    torch.manual_seed(3)
    return ReverseDistillation(ReverseDistillationParams(layers=list(layers), **settings), backbone).eval()


def batch(number, size=64):
    images = torch.rand(number, 3, size, size, generator=torch.Generator().manual_seed(0))
    return Batch(images, torch.zeros(number).long(), None, [f"{i}.png" for i in range(number)])


def test_for_a_wide_resnet_it_has_the_papers_shape():
    channels, strides = [256, 512, 1024], [4, 8, 16]
    with torch.device("meta"):
        embedding, decoder = Embedding(channels, strides), Decoder(channels, strides)
        embedded = embedding([torch.empty(1, c, 256 // s, 256 // s) for c, s in zip(channels, strides, strict=True)])
        given_back = decoder(embedded, [(64, 64), (32, 32), (16, 16)])
    assert embedded.shape == (1, 2048, 8, 8)
    assert [level.shape[1:] for level in given_back] == [(256, 64, 64), (512, 32, 32), (1024, 16, 16)]
    assert [sum(type(part).__name__ == "ResidualBlock" for part in level.modules()) for level in decoder.levels] == [
        3,
        4,
        6,
    ]


@pytest.mark.parametrize(
    ("channels", "strides", "grids"),
    [
        ([64, 128, 256], [4, 8, 16], [(24, 24), (12, 12), (6, 6)]),
        ([24, 96], [4, 16], [(16, 16), (4, 4)]),  # a level left out in between
        ([192, 192, 192], [14, 14, 14], [(9, 9)] * 3),  # a transformer: one grid, odd
        ([768], [14], [(5, 7)]),
    ],
)
def test_gives_back_the_teachers_grids_whatever_the_backbone(channels, strides, grids):
    levels = [torch.rand(2, c, *grid) for c, grid in zip(channels, grids, strict=True)]
    given_back = Decoder(channels, strides)(Embedding(channels, strides)(levels), grids)
    assert [level.shape for level in given_back] == [level.shape for level in levels]


@pytest.mark.parametrize("combine", ["add", "multiply"])
def test_loss_and_map_by_hand(combine):
    model, images = reverse_distillation(combine=combine, blur_sigma=0.0), batch(2)
    with torch.no_grad():
        teacher = model.backbone(images.images)
        student = model.decoder(model.embedding(teacher), [level.shape[-2:] for level in teacher])
    loss, maps = 0.0, []
    for t, s in zip(teacher, student, strict=True):
        loss += sum(1 - functional.cosine_similarity(t[i].reshape(1, -1), s[i].reshape(1, -1)) for i in range(2)) / 2
        cosine = (t * s).sum(1) / (t.norm(dim=1) * s.norm(dim=1))
        maps.append(functional.interpolate(1 - cosine[:, None], size=(64, 64), mode="bilinear"))
    expected = maps[0] + maps[1] if combine == "add" else maps[0] * maps[1]
    torch.testing.assert_close(model.validate_step(images)["loss"], loss[0])
    torch.testing.assert_close(model.predict_step(images).anomaly_map, expected, atol=1e-5, rtol=1e-4)


def test_only_embedding_and_decoder_learn_and_are_saved():
    model = reverse_distillation()
    before = model.backbone.fingerprint()
    model.train()
    model.train_step(batch(2))["loss"].backward()
    assert all(parameter.grad is not None for parameter in model.parameters_to_train())
    assert model.backbone.fingerprint() == before
    assert all(name.startswith(("embedding.", "decoder.")) for name in model.state_to_save())


def test_a_single_image_can_be_trained_on():
    model = reverse_distillation(layers=(1, 2, 3))
    model.train()
    assert torch.isfinite(model.train_step(batch(1))["loss"])


def test_a_grid_too_small_to_be_summarised_is_refused_in_words():
    spec = tiny_spec("reverse_distillation", layers=[1, 4], backbone="resnet18")
    with pytest.raises(ValueError, match="take image_size 128 or more, or lower layers"):
        build(spec, Backbone("resnet18", layers=[1, 4], weights="random"))
