import pytest
import torch
from torch.nn import functional

from engine.backbones import Backbone
from engine.contract.models.dino_bank import DinoBankParams
from engine.datasets.loading import Batch
from engine.models.dino_bank import DinoBank
from engine.report import silent


def batch(count: int, *, seed: int = 0, size: int = 64) -> Batch:
    images = torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(seed))
    return Batch(images, torch.zeros(count, dtype=torch.long), None, [str(i) for i in range(count)])


@pytest.fixture(scope="module", params=["mobilenetv2_100", "vit_tiny_patch16_224"])
def backbone(request) -> Backbone:
    return Backbone(request.param, layers=[1, 2], weights="random")


def fitted(backbone: Backbone, seen: Batch, **params) -> DinoBank:
    model = DinoBank(DinoBankParams(**{"coreset_ratio": 1.0, **params}), backbone)
    model.train_step(seen)
    model.fit(silent)
    return model


def test_the_score_is_the_mean_cosine_distance_over_the_levels(backbone):
    model = fitted(backbone, batch(3), blur_sigma=0)
    seen, new = (backbone(each.images) for each in (batch(3), batch(2, seed=9)))
    size = seen[0].shape[-2:]
    cosines = []
    for one, other in zip(seen, new, strict=True):
        one, other = (
            functional.interpolate(level, size=size, mode="bilinear").flatten(2).transpose(1, 2)
            for level in (one, other)
        )
        cosines.append(functional.cosine_similarity(other.unsqueeze(2), one.flatten(0, 1), dim=3))  # (2, P, 3 P)
    nearest = (1 - torch.stack(cosines).mean(dim=0)).amin(dim=2)
    expected = nearest.topk(max(1, round(0.01 * nearest.shape[1])), dim=1).values.mean(dim=1)
    torch.testing.assert_close(model.predict_step(batch(2, seed=9)).pred_score, expected, rtol=1e-3, atol=1e-5)


def test_images_against_their_own_whole_bank_score_zero(backbone):
    assert fitted(backbone, batch(2), tiles=2).predict_step(batch(2)).pred_score.abs().max() == 0


def test_with_position_a_patch_is_compared_with_those_of_its_own_place(backbone):
    seen = batch(1)
    shifted = Batch(seen.images.roll(32, dims=3), seen.labels, None, seen.names)
    without = fitted(backbone, seen).predict_step(shifted).pred_score
    with_position = fitted(backbone, seen, position_weight=5.0)
    assert with_position.predict_step(shifted).pred_score > without
    (found,) = with_position.explain(shifted, [(0, 20, 20)], k=1)
    assert abs(found[0].x - 20 / 64) < 0.2
    assert abs(found[0].y - 20 / 64) < 0.2


@pytest.mark.parametrize(("tiles", "overlap"), [(2, 0.25), (3, 0.5)])
def test_tiles_give_a_finer_grid_of_the_whole_image(backbone, tiles, overlap):
    model = DinoBank(DinoBankParams(tiles=tiles, tile_overlap=overlap), backbone)
    cells = 64 // backbone.strides[0]
    found = model._patches(batch(2).images)
    assert found.shape[1] == found.shape[2] == cells + (tiles - 1) * round(cells * (1 - overlap))


def test_several_neighbours_are_averaged(backbone):
    one = fitted(backbone, batch(3)).predict_step(batch(2, seed=9)).pred_score
    three = fitted(backbone, batch(3), num_neighbours=3).predict_step(batch(2, seed=9)).pred_score
    assert (three > one).all()


def test_the_bank_holds_the_asked_share_and_where_each_patch_comes_from(backbone):
    model = fitted(backbone, batch(5), coreset_ratio=0.25)
    height, width = model._patches(batch(1).images).shape[1:3]
    assert len(model.bank) == round(0.25 * 5 * height * width)
    patches = model._patches(batch(5).images)
    image, row, column = model.bank.sources[-1].tolist()
    torch.testing.assert_close(patches[image, row, column], model.bank.patches[-1])


def test_explains_by_the_cosine_distance(backbone):
    model = fitted(backbone, batch(2))
    (found,) = model.explain(batch(2), [(1, 40, 8)], k=3)
    assert found[0].image == 1
    assert found[0].distance == 0
    assert [each.distance for each in found] == sorted(each.distance for each in found)
    assert found[2].distance <= 2
