from dataclasses import replace

import pytest
import torch

from engine.backbones import Backbone
from engine.contract.models.patchcore import PatchCoreParams
from engine.datasets.loading import Batch
from engine.models.patchcore import PatchCore
from engine.report import silent


def batch(count: int, *, seed: int = 0) -> Batch:
    images = torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(seed))
    return Batch(images, torch.zeros(count, dtype=torch.long), None, [str(i) for i in range(count)])


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return Backbone("mobilenetv2_100", layers=[2, 3], weights="random")


def fitted(backbone: Backbone, seen: Batch, **params) -> PatchCore:
    model = PatchCore(PatchCoreParams(**params), backbone)
    model.train_step(seen)
    model.fit(silent)
    return model


def test_training_images_against_their_own_whole_bank_score_zero(backbone):
    model = fitted(backbone, batch(3), coreset_ratio=1.0)
    found = model.predict_step(batch(3))
    assert found.anomaly_map.abs().max() == 0
    assert found.pred_score.abs().max() == 0


def test_the_bank_holds_the_asked_share_of_the_collected_patches(backbone):
    model = fitted(backbone, batch(5), coreset_ratio=0.25)
    assert model.bank.patches.shape == (80, sum(backbone.channels))  # 5 images of 8 x 8 patches
    assert model.bytes_collected() == 0


@pytest.mark.parametrize("size", [1, 3, 5, 7, 9])
def test_a_patch_size_changes_no_grid(backbone, size):
    model = PatchCore(PatchCoreParams(patch_size=size), backbone)
    assert model._patches(batch(2).images).shape == (2, 8, 8, sum(backbone.channels))


def test_new_images_score_by_their_worst_patch(backbone):
    model = fitted(backbone, batch(3), coreset_ratio=1.0, num_neighbours=1, blur_sigma=0)
    found = model.predict_step(batch(2, seed=9))
    distances = torch.cdist(model._patches(batch(2, seed=9).images).flatten(1, 2), model.bank.patches).amin(dim=2)
    torch.testing.assert_close(found.pred_score, distances.amax(dim=1), rtol=1e-4, atol=1e-4)


def test_weighting_by_neighbours_lowers_a_score_by_at_most_its_share(backbone):
    plain = fitted(backbone, batch(3), num_neighbours=1).predict_step(batch(4, seed=9)).pred_score
    weighted = fitted(backbone, batch(3), num_neighbours=4).predict_step(batch(4, seed=9)).pred_score
    assert (weighted <= plain).all()
    assert (weighted >= plain * (1 - 1 / 4) - 1e-5).all()


def alike(count: int, *, seed: int) -> Batch:
    """Pictures that differ by a trace of noise."""
    noise = batch(count, seed=seed)
    return replace(noise, images=0.99 * batch(1).images + 0.01 * noise.images)


def test_a_score_is_weighted_by_equation_7_of_the_paper(backbone):
    """By hand: the nearest entry of the worst patch, and the entries around that entry. Were these far, they would weigh nothing."""
    model, new = fitted(backbone, alike(6, seed=1), coreset_ratio=1.0, num_neighbours=4), alike(3, seed=9)
    bank, plain, expected = model.bank.patches, [], []
    for patches in model._patches(new.images).flatten(1, 2):
        to_bank = torch.cdist(patches, bank)
        worst = to_bank.amin(dim=1).argmax()
        entry = bank[to_bank[worst].argmin()]
        around = bank[torch.cdist(entry[None], bank)[0].argsort()[:4]]
        distances = torch.linalg.vector_norm(patches[worst] - around, dim=1)
        plain.append(distances[0])
        expected.append((1 - distances[0].exp() / distances.exp().sum()) * distances[0])
    found = model.predict_step(new).pred_score
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-3, atol=1e-5)
    assert (found < 0.9 * torch.stack(plain)).all()


def test_a_bank_of_one_entry_still_scores(backbone):
    model = fitted(backbone, batch(1), coreset_ratio=0.001)
    assert len(model.bank) == 1
    assert (model.predict_step(batch(2, seed=9)).pred_score > 0).all()


def test_collecting_says_how_many_vectors_it_took(backbone):
    model = PatchCore(PatchCoreParams(), backbone)
    sums = model.train_step(batch(2))
    assert int(sums["samples"]) == 2 * 8 * 8
    assert model.bytes_collected() == 2 * 64 * sum(backbone.channels) * 4
