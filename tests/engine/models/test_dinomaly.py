"""Dinomaly: groups, the loose loss and its damped gradients, pyramids joined to one target."""

import pytest
import torch
from torch import nn

from engine.backbones import Backbone
from engine.contract.models.dinomaly import DinomalyParams
from engine.datasets.loading import Batch
from engine.models.dinomaly import Dinomaly, loose_loss


class Grid(nn.Module):
    """A stand-in for a transformer: four levels of one grid, each a fixed mixture of pixels."""

    channels, strides = [12, 12, 12, 12], [8, 8, 8, 8]

    def forward(self, images):
        cells = nn.functional.avg_pool2d(images, 8)  # (B, 3, h, w)
        return [torch.cat([cells * (i + 1), cells**2, cells.flip(1), 1 - cells], dim=1) for i in range(4)]


def dinomaly(backbone=None, **settings):
    params = DinomalyParams(**{"layers": [1, 2], "decoder_blocks": 4, **settings})
    torch.manual_seed(0)
    return Dinomaly(params, backbone or Backbone("mobilenetv2_100", layers=params.layers, weights="random")).eval()


def batch(number):
    images = torch.rand(number, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    return Batch(images, torch.zeros(number).long(), None, [f"{i}.png" for i in range(number)])


def test_the_first_decoder_blocks_rebuild_the_last_levels():
    model, images = dinomaly(Grid()), batch(2)
    passed = []
    for block in model.decoder:
        block.register_forward_hook(lambda module, given, made: passed.append(made))
    groups = model._groups(images)
    levels = [level.permute(0, 2, 3, 1) for level in Grid()(images.images)]
    torch.testing.assert_close(groups[0][0], (levels[0] + levels[1]) / 2)
    torch.testing.assert_close(groups[1][0], (levels[2] + levels[3]) / 2)
    torch.testing.assert_close(groups[1][1].flatten(1, 2), (passed[0] + passed[1]) / 2)
    torch.testing.assert_close(groups[0][1].flatten(1, 2), (passed[2] + passed[3]) / 2)


def test_the_levels_of_a_pyramid_count_alike_in_one_target():
    model, images = dinomaly(), batch(2)
    (first, rebuilt), (second, _) = model._groups(images)
    fine, coarse = model.backbone.channels
    assert torch.equal(first, second)
    assert first.shape == rebuilt.shape == (2, 8 * 2, 8 * 2, fine + coarse)
    torch.testing.assert_close(first[..., :fine].norm(dim=3), torch.ones(2, 16, 16))


def test_damps_the_gradient_of_places_rebuilt_well_and_of_no_others():
    torch.manual_seed(0)
    seen = torch.randn(1, 2, 5, 6)
    rebuilt = (seen + torch.linspace(0.1, 3, 10).view(1, 2, 5, 1) * torch.randn(1, 2, 5, 6)).requires_grad_()
    with_all = torch.autograd.grad(loose_loss(seen, rebuilt, torch.tensor(0.0), 0.1), rebuilt)[0]
    damped = torch.autograd.grad(loose_loss(seen, rebuilt, torch.tensor(0.6), 0.1), rebuilt)[0]
    distance = 1 - nn.functional.cosine_similarity(seen, rebuilt, dim=3)
    well = distance < distance.flatten().sort().values[6]
    assert well.sum() == 6
    torch.testing.assert_close(damped[well], 0.1 * with_all[well])
    torch.testing.assert_close(damped[~well], with_all[~well])


def test_damping_leaves_the_loss_as_it_is():
    seen, rebuilt = torch.randn(2, 3, 3, 4), torch.randn(2, 3, 3, 4)
    plain = 1 - nn.functional.cosine_similarity(seen.flatten(1), rebuilt.flatten(1))
    torch.testing.assert_close(loose_loss(seen, rebuilt, torch.tensor(0.9), 0.1), plain.mean())


def test_counts_its_steps_and_saves_them():
    model = dinomaly()
    model.train_step(batch(2))
    model.train_step(batch(2))
    assert model.state_to_save()["steps"] == 2


def test_the_rate_rises_then_falls_to_a_tenth_step_by_step():
    recipe = dinomaly(warmup_steps=5).recipe(epochs=10, steps_per_epoch=10)
    rates = []
    for _ in range(100):
        rates.append(recipe.optimiser.param_groups[0]["lr"])
        recipe.optimiser.step()
        recipe.schedule.step()
    assert recipe.every == "step"
    assert rates[:6] == sorted(rates[:6])
    assert rates[5] == max(rates) == 2e-3
    assert rates[5:] == sorted(rates[5:], reverse=True)
    assert rates[-1] == pytest.approx(2e-4, rel=0.05)


def test_the_score_is_the_mean_of_the_highest_pixels():
    model, images = dinomaly(top_share=0.25), batch(2)
    found = model.predict_step(images)
    highest = found.anomaly_map.flatten(1).sort(dim=1, descending=True).values[:, :1024]
    torch.testing.assert_close(found.pred_score, highest.mean(dim=1))


def test_refuses_more_groups_than_there_is_to_group():
    with pytest.raises(
        ValueError, match="num_groups is 5, but there are 8 decoder blocks and 4 layers; take at most 4"
    ):
        dinomaly(Grid(), num_groups=5, decoder_blocks=8)
    with pytest.raises(ValueError, match="num_groups is 3, but there are 2 decoder blocks"):
        dinomaly(num_groups=3, decoder_blocks=2)


def test_a_wide_pyramid_is_decoded_on_a_projection():
    model = dinomaly(Backbone("resnet18", layers=[2, 3, 4], weights="random"), decoder_blocks=2)
    assert model.decoder[0].to_qkv.in_features == 768
    assert model._groups(batch(1))[0][1].shape[-1] == 128 + 256 + 512
