"""CFlow: an invertible flow with the right log-determinant, constants found once, scores free of batch mates."""

import torch

from engine.backbones import Backbone
from engine.contract.models.cflow import CFlowParams
from engine.datasets.loading import Batch
from engine.models.cflow import CFlow, PatchFlow


def cflow(**settings):
    params = CFlowParams(**{"layers": [1, 2], "coupling_blocks": 2, "condition_size": 16, **settings})
    torch.manual_seed(0)
    return CFlow(params, Backbone("mobilenetv2_100", layers=params.layers, weights="random")).eval()


def shaken(flow, std=0.3):
    for parameter in flow.parameters():
        torch.nn.init.normal_(parameter, std=std)
    return flow


def batch(number, seed=0):
    images = torch.rand(number, 3, 64, 64, generator=torch.Generator().manual_seed(seed))
    return Batch(images, torch.zeros(number).long(), None, [f"{seed}-{i}.png" for i in range(number)])


class Plain(list):
    """Batches as a loader gives them."""

    images = 5


def test_the_whole_flow_is_invertible_with_the_jacobians_determinant():
    flow = shaken(PatchFlow(5, CFlowParams(coupling_blocks=4, condition_size=8))).double()
    x, code = torch.randn(1, 1, 5, dtype=torch.float64), torch.randn(1, 8, dtype=torch.float64)
    noise, log_det = flow(x, code)
    torch.testing.assert_close(flow.inverse(noise, code), x)
    jacobian = torch.autograd.functional.jacobian(lambda one: flow(one, code)[0], x).reshape(5, 5)
    torch.testing.assert_close(log_det[0, 0], jacobian.slogdet().logabsdet)


def test_channels_are_standardised_by_the_good_images():
    model = cflow()
    model.prepare(Plain([batch(3, 1), batch(2, 2)]), lambda event: None)
    levels = model.backbone(torch.cat([batch(3, 1).images, batch(2, 2).images]))
    for flow, level in zip(model.flows, levels, strict=True):
        torch.testing.assert_close(flow.mean, level.mean(dim=(0, 2, 3)), rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(flow.deviation, level.std(dim=(0, 2, 3), correction=0), rtol=1e-3, atol=1e-3)


def test_loss_of_the_untrained_flow_by_hand():
    """Untrained the flow only permutes, so the noise is the features themselves."""
    model, images = cflow(), batch(2)
    expected = [0.5 * level.square().mean() for level in model.backbone(images.images)]
    torch.testing.assert_close(model.validate_step(images)["loss"], torch.stack(expected).mean(), rtol=1e-4, atol=0)
    torch.testing.assert_close(model.train_step(images)["loss"], torch.stack(expected).mean(), rtol=1e-4, atol=0)


def test_learns_from_no_more_patches_than_asked_and_from_other_places_each_time():
    model, seen = cflow(patches_per_step=64), []
    model.flows[0].register_forward_pre_hook(lambda module, given: seen.append(given[0].shape))
    losses = [model.train_step(batch(4))["loss"].item() for _ in range(3)]
    assert {shape[0] * shape[1] for shape in seen} == {64}
    assert len(set(losses)) == 3


def test_the_highest_likelihood_of_good_images_is_found_once_and_saved():
    model = cflow()
    shaken(model.flows, std=0.1)
    model.finish(Plain([batch(2, 1)]), Plain([batch(3, 2), batch(2, 3)]), lambda event: None)
    of_each = [model._log_likelihoods(each) for each in (batch(3, 2), batch(2, 3))]
    expected = [max(levels[i].max().item() for levels in of_each) for i in range(2)]
    torch.testing.assert_close(model.state_to_save()["highest"], torch.tensor(expected))
    assert model.predict_step(batch(3, 2)).anomaly_map.min() >= -2 - 1e-5


def test_a_score_does_not_depend_on_batch_mates():
    model, images = cflow(), batch(3)
    shaken(model.flows, std=0.1)
    together = model.predict_step(images)
    alone = [model.predict_step(Batch(images.images[i : i + 1], images.labels[:1], None, ["x"])) for i in range(3)]
    torch.testing.assert_close(together.pred_score, torch.cat([one.pred_score for one in alone]))
    torch.testing.assert_close(together.anomaly_map, torch.cat([one.anomaly_map for one in alone]))
