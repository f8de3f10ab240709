import numpy as np
import pytest
import torch

from engine import free_memory
from engine.backbones import Backbone
from engine.contract.models.padim import PadimParams
from engine.datasets.loading import Batch
from engine.models.padim import Padim
from engine.report import silent


def batch(count: int, *, seed: int = 0) -> Batch:
    images = torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(seed))
    return Batch(images, torch.zeros(count, dtype=torch.long), None, [str(i) for i in range(count)])


@pytest.fixture(scope="module")
def backbone() -> Backbone:
    return Backbone("resnet18", layers=[1, 2], weights="random")


def fitted(backbone: Backbone, *batches: Batch, **params) -> Padim:
    model = Padim(PadimParams(num_features=20, **params), backbone)
    for seen in batches:
        model.train_step(seen)
    model.fit(silent)
    return model


def test_streamed_covariances_are_numpys(backbone):
    model = fitted(backbone, batch(7), batch(5, seed=1), batch(1, seed=2), regularisation=0.01)
    features = torch.cat([model._features(b.images)[0] for b in (batch(7), batch(5, seed=1), batch(1, seed=2))], dim=1)
    for position in (0, 100, 255):
        expected = np.cov(features[position].double().numpy(), rowvar=False) + 0.01 * np.eye(20)
        factor = model.factor[position].double()
        np.testing.assert_allclose((factor @ factor.T).numpy(), expected, atol=1e-5)
        np.testing.assert_allclose(model.mean[position], features[position].mean(dim=0), atol=1e-5)


def test_the_map_is_the_mahalanobis_distance(backbone):
    model = fitted(backbone, batch(30), blur_sigma=0)
    features, _ = model._features(batch(2, seed=5).images)
    covariance = (model.factor @ model.factor.transpose(1, 2)).double()
    offset = (features - model.mean.unsqueeze(1)).double()  # (P, B, D)
    expected = torch.einsum("pbd,pde,pbe->pb", offset, torch.linalg.inv(covariance), offset).sqrt()
    found = model.predict_step(batch(2, seed=5)).anomaly_map
    torch.testing.assert_close(found.amax(dim=(1, 2, 3)).double(), expected.amax(dim=0), rtol=0.05, atol=0.05)


def test_the_channels_are_the_seeds_and_no_more_than_there_are(backbone):
    one, same, other = (Padim(PadimParams(num_features=20), backbone, seed=seed).channels for seed in (1, 1, 2))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert len(Padim(PadimParams(num_features=1000), backbone).channels) == sum(backbone.channels)


def test_saves_half_of_each_symmetric_matrix(backbone):
    model = fitted(backbone, batch(5))
    state = model.state_to_save()
    assert state["factor"].shape == (256, 20 * 21 // 2)
    again = Padim(PadimParams(num_features=20), backbone)
    again.load_saved(state)
    assert torch.equal(again.factor, model.factor)


def test_a_covariance_lost_in_rounding_names_the_setting_that_helps(backbone):
    huge = batch(2)
    huge.images *= 1e6
    with pytest.raises(FloatingPointError, match=r"regularisation 1e-09.*raise regularisation"):
        fitted(backbone, huge, regularisation=1e-9)


def test_says_so_before_memory_runs_out(backbone, monkeypatch):
    monkeypatch.setattr(free_memory, "free_memory", lambda: 2**28)
    with pytest.raises(MemoryError, match="take fewer num_features"):
        fitted(backbone, batch(2))
