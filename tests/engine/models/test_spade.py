import pytest
import torch
from torch.nn import functional

from engine.backbones import Backbone
from engine.contract.models.spade import SpadeParams
from engine.datasets.loading import Batch
from engine.models.spade import Spade
from engine.report import silent


def batch(count: int, *, seed: int = 0) -> Batch:
    images = torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(seed))
    return Batch(images, torch.zeros(count, dtype=torch.long), None, [str(i) for i in range(count)])


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return Backbone("mobilenetv2_100", layers=[1, 2, 3], weights="random")


def fitted(backbone: Backbone, seen: Batch, **params) -> Spade:
    model = Spade(SpadeParams(**params), backbone)
    model.train_step(seen)
    model.fit(silent)
    return model


def pyramid(backbone: Backbone, images: torch.Tensor) -> torch.Tensor:
    """(B, P, D): all levels joined, the deeper ones enlarged by repeating their cells, in full precision."""
    levels = [functional.interpolate(level, size=(16, 16), mode="nearest") for level in backbone(images)]
    return torch.cat(levels, dim=1).flatten(2).transpose(1, 2)


@pytest.mark.parametrize("neighbours", [1, 3])
def test_the_map_is_the_distance_to_the_nearest_places_of_the_similar_images(backbone, neighbours):
    model = fitted(backbone, batch(6), num_images=6, num_neighbours=neighbours, blur_sigma=0)
    found = model._distances([level[0] for level in model._levels(batch(1, seed=5).images)])
    gallery = pyramid(backbone, batch(6).images).flatten(0, 1)
    distances = torch.cdist(pyramid(backbone, batch(1, seed=5).images)[0], gallery)
    expected = distances.topk(neighbours, dim=1, largest=False).values.mean(dim=1)
    torch.testing.assert_close(found, expected, rtol=2e-3, atol=1e-3)  # half precision keeps three digits


def test_only_the_most_similar_images_are_looked_at(backbone):
    model = fitted(backbone, batch(6), num_images=2)
    seen = model._levels(batch(6).images)[-1]
    for image in range(6):
        similar = model._most_similar(seen[image]).tolist()
        pooled = seen.mean(dim=(2, 3))
        nearest = (pooled - pooled[image]).norm(dim=1).argsort()[:2].tolist()
        assert similar == nearest
        assert similar[0] == image


def test_an_image_seen_in_training_scores_next_to_nothing(backbone):
    model = fitted(backbone, batch(4))
    own, new = model.predict_step(batch(4)).pred_score, model.predict_step(batch(4, seed=7)).pred_score
    assert own.max() < 0.02 * new.min()


def test_features_are_kept_in_half_precision(backbone):
    model = Spade(SpadeParams(), backbone)
    model.train_step(batch(3))
    cells = sum(level[0].numel() for level in backbone(batch(1).images))
    assert model.bytes_collected() == 2 * 2 * 3 * cells  # twice: while they are joined both are there
    model.fit(silent)
    assert model.level_0.dtype == torch.float16
    assert model.bytes_collected() == 0


def test_a_feature_that_half_precision_cannot_hold_is_refused_in_words():
    backbone = Backbone("resnet18", layers=[1, 2], weights="random")  # its activations have no upper limit
    bright = batch(1)
    bright.images *= 1e9
    with pytest.raises(FloatingPointError, match=r"65504.*feature_normalisation"):
        Spade(SpadeParams(), backbone).train_step(bright)


def test_explains_a_place_by_the_same_place_of_the_same_image(backbone):
    model = fitted(backbone, batch(4))
    (found,) = model.explain(batch(4), [(2, 21, 50)], k=2)  # of 16 x 16 cells: row 5, column 12
    assert (found[0].image, found[0].x, found[0].y) == (2, 12.5 / 16, 5.5 / 16)
    assert found[0].distance < found[1].distance
