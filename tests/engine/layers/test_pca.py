import numpy as np
import pytest
import torch

from engine.layers.pca import Moments, components_of_moments, components_of_rows, residual


def rows(count: int, size: int, *, offset: float = 0.0) -> torch.Tensor:
    """Correlated, with variances that fall."""
    generator = torch.Generator().manual_seed(count)
    mixing = torch.randn(size, size, generator=generator) * torch.logspace(0, -2, size).unsqueeze(1)
    return torch.randn(count, size, generator=generator) @ mixing + offset


@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_the_streamed_covariance_is_numpys_even_far_from_the_origin(offset):
    data = rows(500, 12, offset=offset)
    moments = Moments(data[:50])
    for part in data.split(50):
        moments.add(part)
    np.testing.assert_allclose(moments.covariance().numpy(), np.cov(data.double().numpy(), rowvar=False), atol=1e-9)
    np.testing.assert_allclose(moments.mean().numpy(), data.double().mean(dim=0).numpy(), rtol=1e-12)


@pytest.mark.parametrize("count", [8, 40, 300])  # fewer rows than columns, about as many, more
def test_components_are_those_of_the_singular_value_decomposition(count):
    data = rows(count, 40)
    found = components_of_rows(data, variance_kept=0.9)
    centred = (data.double() - data.double().mean(dim=0)).numpy()
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    variances = singular**2 / (count - 1)
    kept = int((np.cumsum(variances) / variances.sum() < 0.9).sum()) + 1
    assert found.axes.shape == (40, kept)
    np.testing.assert_allclose(found.variances.numpy(), variances[:kept], rtol=1e-4)
    overlap = np.abs(axes[:kept] @ found.axes.double().numpy())  # equal up to sign
    np.testing.assert_allclose(overlap, np.eye(kept), atol=1e-4)


def test_both_ways_give_the_same_components():
    data = rows(60, 20)
    moments = Moments(data)
    moments.add(data)
    one, other = components_of_moments(moments, variance_kept=0.95), components_of_rows(data, variance_kept=0.95)
    torch.testing.assert_close(one.axes.abs(), other.axes.abs(), rtol=1e-4, atol=1e-5)


def test_the_residual_is_the_distance_to_the_subspace():
    data = rows(100, 20)
    found = components_of_rows(data, variance_kept=0.8)
    centred = data - found.mean
    expected = (centred - centred @ found.axes @ found.axes.T).square().sum(dim=1)
    torch.testing.assert_close(residual(data, found.mean, found.axes), expected, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("count", "size"), [(1, 5), (30, 5), (3, 50)])
def test_where_nothing_varies_there_are_no_components(count, size):
    found = components_of_rows(torch.full((count, size), 3.0), variance_kept=0.9)
    assert found.axes.shape == (size, 0)
    away = torch.full((1, size), 4.0)
    torch.testing.assert_close(residual(away, found.mean, found.axes), torch.tensor([float(size)]))
