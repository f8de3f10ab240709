"""DRAEM: the paper's networks, its three losses by hand, its schedule, and that it learns to mark."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from engine.contract.models.draem import DraemParams
from engine.datasets.loading import Batch
from engine.layers.ssim import ssim_map
from engine.models.draem import Draem, focal_loss
from tests.engine.samples import plate


def draem(**settings):
    torch.manual_seed(0)
    return Draem(DraemParams(**{"base_channels": 8, "marking_channels": 8, **settings})).eval()


def batch(images, twins=None, masks=None):
    names = [f"{i}.png" for i in range(len(images))]
    return Batch(images, torch.zeros(len(images)).long(), None, names, synthetic=twins, synthetic_masks=masks)


def plates(count, *, defective=False):
    drawn = [plate(number, defective=defective) for number in range(count)]
    images = torch.from_numpy(np.stack([pixels for pixels, _ in drawn])).permute(0, 3, 1, 2).float() / 255
    return images, torch.from_numpy(np.stack([mask for _, mask in drawn])).unsqueeze(1).float() / 255


def test_its_defaults_have_as_many_weights_as_the_authors_networks():
    with torch.device("meta"):
        model = Draem(DraemParams())
    assert sum(parameter.numel() for parameter in model.parameters()) == pytest.approx(97.4e6, rel=1e-3)


@pytest.mark.parametrize("image_size", [64, 96, 160])
def test_it_takes_every_image_size(image_size):
    prediction = draem().predict_step(batch(torch.rand(2, 3, image_size, image_size)))
    assert prediction.anomaly_map.shape == (2, 1, image_size, image_size)
    assert prediction.anomaly_map.min() >= 0
    assert prediction.anomaly_map.max() <= 1


def test_the_loss_compares_the_repaired_twin_with_the_good_image_and_marks_the_twin():
    model, images, twins = draem(ssim_weight=0.7), torch.rand(2, 3, 64, 64), torch.rand(2, 3, 64, 64)
    masks = (torch.rand(2, 1, 64, 64) > 0.5).float()
    with torch.no_grad():
        figures = model.train_step(batch(images, twins, masks))
        repaired = model.repairing(twins)
        chances = model.marking(repaired, twins).softmax(dim=1)
    right = torch.where(masks[:, 0] > 0, chances[:, 1], chances[:, 0])
    focal = (-((1 - right) ** 2) * right.log()).mean()
    repair = (repaired - images).square().mean() + 0.7 * (1 - ssim_map(images, repaired).mean())
    torch.testing.assert_close(figures["loss"], repair + focal)


def test_without_gamma_the_marking_loss_is_cross_entropy():
    logits, masks = torch.randn(2, 2, 8, 8), (torch.rand(2, 1, 8, 8) > 0.5).float()
    torch.testing.assert_close(
        focal_loss(logits, masks, gamma=0.0), functional.cross_entropy(logits, masks[:, 0].long())
    )


def test_both_networks_learn_from_one_loss():
    model, images = draem().train(), torch.rand(2, 3, 64, 64)
    model.train_step(batch(images, images.flip(0), torch.ones(2, 1, 64, 64)))["loss"].backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_validation_measures_the_repair_of_good_images_alone():
    model, images = draem(), torch.rand(2, 3, 64, 64)
    figures = model.validate_step(batch(images))
    torch.testing.assert_close(
        figures["loss"], (10 ** (-figures["psnr"] / 10)) + 1 - figures["ssim"], rtol=0.01, atol=0
    )


def test_the_rate_falls_to_a_tenth_twice_as_in_the_paper():
    recipe = draem().recipe(epochs=700, steps_per_epoch=1)
    rates = []
    for _ in range(700):
        rates.append(recipe.optimiser.param_groups[0]["lr"])
        recipe.optimiser.step()
        recipe.schedule.step()
    assert [rates[i] for i in (0, 399, 400, 599, 600)] == pytest.approx([1e-4, 1e-4, 1e-5, 1e-5, 1e-6])


def test_it_learns_to_mark_what_good_images_do_not_have():
    model, (images, _), (twins, masks) = draem().train(), plates(8), plates(8, defective=True)
    optimiser = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(60):
        optimiser.zero_grad()
        model.train_step(batch(images, twins, masks))["loss"].backward()
        optimiser.step()
    scores = model.eval().predict_step(batch(torch.cat([images, twins]))).pred_score
    assert scores[8:].min() > scores[:8].max()


def test_a_texture_folder_that_is_not_there_is_refused_in_words():
    with pytest.raises(ValueError, match="which is no folder; leave it out for drawn textures"):
        draem(texture_folder="/nowhere/textures")
