import numpy as np
import pytest
import torch
from torch.nn import functional

from engine import free_memory
from engine.backbones import Backbone
from engine.contract.models.dfm import DfmParams
from engine.datasets.loading import Batch
from engine.models.dfm import Dfm
from engine.report import silent


def batch(count: int, *, seed: int = 0) -> Batch:
    images = torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(seed))
    return Batch(images, torch.zeros(count, dtype=torch.long), None, [str(i) for i in range(count)])


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return Backbone("mobilenetv2_100", layers=[3], weights="random")


def fitted(backbone: Backbone, seen: Batch, **params) -> Dfm:
    model = Dfm(DfmParams(**params), backbone)
    model.train_step(seen)
    model.fit(silent)
    return model


def pooled(backbone: Backbone, images: torch.Tensor, size: int) -> np.ndarray:
    return functional.avg_pool2d(backbone(images)[0], size).flatten(1).double().numpy()


def test_the_residual_score_is_what_a_singular_value_decomposition_leaves_over(backbone):
    model = fitted(backbone, batch(12), pooling=2, variance_kept=0.8)
    seen, new = pooled(backbone, batch(12).images, 2), pooled(backbone, batch(3, seed=4).images, 2)
    _, _, axes = np.linalg.svd(seen - seen.mean(axis=0), full_matrices=False)
    axes = axes[: len(model.variances)]
    centred = new - seen.mean(axis=0)
    expected = ((centred - centred @ axes.T @ axes) ** 2).sum(axis=1)
    np.testing.assert_allclose(model.predict_step(batch(3, seed=4)).pred_score.numpy(), expected, rtol=1e-3)


def test_the_likelihood_score_is_that_of_a_gaussian_over_the_components(backbone):
    model = fitted(backbone, batch(12), pooling=2, variance_kept=0.8, score="likelihood")
    seen, new = pooled(backbone, batch(12).images, 2), pooled(backbone, batch(3, seed=4).images, 2)
    _, singular, axes = np.linalg.svd(seen - seen.mean(axis=0), full_matrices=False)
    count = len(model.variances)
    values = (new - seen.mean(axis=0)) @ axes[:count].T
    gaussian = torch.distributions.Normal(0.0, torch.from_numpy(singular[:count] / 11**0.5))
    expected = -gaussian.log_prob(torch.from_numpy(values)).sum(dim=1) - 0.5 * count * np.log(2 * np.pi)
    found = model.predict_step(batch(3, seed=4)).pred_score.double()
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("score", ["residual", "likelihood"])
def test_the_map_shares_out_the_residual_over_the_cells(backbone, score):
    model = fitted(backbone, batch(12), pooling=1, blur_sigma=0, score=score)
    new = batch(2, seed=4)
    residual = fitted(backbone, batch(12), pooling=1).predict_step(new).pred_score
    found = functional.avg_pool2d(model.predict_step(new).anomaly_map, 16)  # 4 x 4 cells of 16 pixels
    assert found.shape == (2, 1, 4, 4)
    torch.testing.assert_close(found.sum(dim=(1, 2, 3)), residual, rtol=0.15, atol=0)  # enlarged smoothly


@pytest.mark.parametrize("pooling", [3, 16])
def test_cells_at_the_edge_that_pooling_does_not_fill_count_too(backbone, pooling):
    model = fitted(backbone, batch(3), pooling=pooling)  # of 4 x 4 cells
    assert len(model.mean) == backbone.channels[0] * (4 if pooling == 3 else 1)


def test_one_good_image_makes_a_model_of_distances_to_it(backbone):
    model = fitted(backbone, batch(1))
    assert len(model.variances) == 0
    assert model.predict_step(batch(1)).pred_score.item() == pytest.approx(0, abs=1e-6)
    assert (model.predict_step(batch(2, seed=3)).pred_score > 1e-6).all()


def test_says_so_before_memory_runs_out(backbone, monkeypatch):
    model = Dfm(DfmParams(), backbone)
    model.train_step(batch(2))
    monkeypatch.setattr(free_memory, "free_memory", lambda: 2**28)
    with pytest.raises(MemoryError, match="raise pooling"):
        model.fit(silent)
