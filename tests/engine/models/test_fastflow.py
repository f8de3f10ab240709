"""FastFlow: an invertible flow with the right log-determinant, and the likelihood by hand."""

import torch
from torch.nn import functional

from engine.backbones import Backbone
from engine.contract.models.fastflow import FastFlowParams
from engine.datasets.loading import Batch
from engine.models.fastflow import FastFlow, Flow


def fastflow(**settings):
    params = FastFlowParams(**{"layers": [1, 2], "flow_steps": 3, **settings})
    backbone = Backbone("resnet18", layers=params.layers, weights="random")
    torch.manual_seed(0)
    return FastFlow(params, backbone).eval()


def shaken(flow):
    for parameter in flow.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    return flow.double()


def batch(number):
    images = torch.rand(number, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    return Batch(images, torch.zeros(number).long(), None, [f"{i}.png" for i in range(number)])


def test_the_whole_flow_is_invertible_with_the_jacobians_determinant():
    flow, x = shaken(Flow(4, FastFlowParams(flow_steps=4))), torch.randn(1, 4, 3, 3, dtype=torch.float64)
    noise, log_det = flow(x)
    torch.testing.assert_close(flow.inverse(noise), x)
    jacobian = torch.autograd.functional.jacobian(lambda one: flow(one)[0], x).reshape(36, 36)
    torch.testing.assert_close(log_det[0], jacobian.slogdet().logabsdet)


def test_kernels_take_turns():
    def kernels(**settings):
        return [block.subnet[0].kernel_size[0] for block in Flow(4, FastFlowParams(flow_steps=4, **settings)).blocks]

    assert kernels() == [3, 1, 3, 1]
    assert kernels(conv3x3_only=True) == [3, 3, 3, 3]


def test_loss_and_map_of_the_untrained_flow_by_hand():
    """Untrained the flow only permutes, so the noise is the normalised features themselves."""
    model, images = fastflow(), batch(2)
    levels = [functional.layer_norm(level, level.shape[1:]) for level in model.backbone(images.images)]
    expected = sum(0.5 * level.square().sum() for level in levels) / 2
    torch.testing.assert_close(model.validate_step(images)["loss"], expected, rtol=1e-4, atol=0)
    usual = [torch.exp(-0.5 * level.square().mean(dim=1, keepdim=True)) for level in levels]
    large = [functional.interpolate(level, size=(64, 64), mode="bilinear") for level in usual]
    torch.testing.assert_close(model.predict_step(images).anomaly_map, -(large[0] + large[1]) / 2)


def test_a_score_does_not_depend_on_batch_mates():
    model, images = fastflow(), batch(3)
    shaken(model.flows).float()
    together = model.predict_step(images).pred_score
    alone = [
        model.predict_step(Batch(images.images[i : i + 1], images.labels[:1], None, ["x"])).pred_score for i in range(3)
    ]
    torch.testing.assert_close(together, torch.cat(alone))


def test_scores_lie_between_usual_and_unheard_of():
    scores = fastflow().predict_step(batch(2)).anomaly_map
    assert -1 <= scores.min() <= scores.max() <= 0


def test_the_permutations_are_saved():
    """Another seed permutes otherwise: a saved flow without them would be another flow."""
    state = fastflow().state_to_save()
    assert sum(name.endswith("permutation") for name in state) == 2 * 3
    assert not any(name.startswith("backbone.") for name in state)
