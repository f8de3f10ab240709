import numpy as np
import pytest
import torch

from engine.backbones import Backbone
from engine.contract.models.subspace import SubspaceParams
from engine.datasets.loading import Batch
from engine.models.subspace import Subspace
from engine.report import silent


def batch(count: int, *, seed: int = 0) -> Batch:
    images = torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(seed))
    return Batch(images, torch.zeros(count, dtype=torch.long), None, [str(i) for i in range(count)])


@pytest.fixture(scope="module", params=["mobilenetv2_100", "vit_tiny_patch16_224"])
def backbone(request) -> Backbone:
    return Backbone(request.param, layers=[1, 2], weights="random")


def fitted(backbone: Backbone, *seen: Batch, **params) -> Subspace:
    model = Subspace(SubspaceParams(**params), backbone)
    for each in seen:
        model.train_step(each)
    model.fit(silent)
    return model


def test_the_score_is_the_mean_of_the_highest_residuals_of_a_singular_value_decomposition(backbone):
    model = fitted(backbone, batch(5), batch(3, seed=1), variance_kept=0.8, top_share=0.25)
    seen = torch.cat([model._patches(each.images).flatten(0, 2) for each in (batch(5), batch(3, seed=1))]).double()
    new = model._patches(batch(2, seed=9).images).flatten(1, 2).double()
    mean = seen.mean(dim=0)
    _, _, axes = np.linalg.svd((seen - mean).numpy(), full_matrices=False)
    projector = torch.from_numpy(axes[: model.axes.shape[1]].T @ axes[: model.axes.shape[1]])
    residuals = (new - mean - (new - mean) @ projector).square().sum(dim=2)  # (2, P)
    expected = residuals.topk(round(0.25 * residuals.shape[1]), dim=1).values.mean(dim=1).float()
    torch.testing.assert_close(model.predict_step(batch(2, seed=9)).pred_score, expected, rtol=1e-2, atol=1e-4)


def test_the_blocks_of_a_transformer_are_averaged_and_the_levels_of_a_pyramid_joined(backbone):
    size = Subspace(SubspaceParams(), backbone)._patches(batch(1).images).shape[-1]
    assert size == (backbone.channels[0] if backbone.is_transformer else sum(backbone.channels))


def test_the_more_variance_is_kept_the_less_is_left_over(backbone):
    scores = [
        fitted(backbone, batch(4), variance_kept=kept).predict_step(batch(2, seed=9)).pred_score.sum()
        for kept in (0.5, 0.9, 0.99)
    ]
    assert scores[0] > scores[1] > scores[2]


def test_memory_does_not_grow_with_the_images(backbone):
    model = Subspace(SubspaceParams(), backbone)
    for seed in range(3):
        model.train_step(batch(2, seed=seed))
        assert model.bytes_collected() == 0
