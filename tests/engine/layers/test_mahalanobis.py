"""The Gaussian's covariance equals scikit-learn's Ledoit-Wolf; distances equal the formula."""

import numpy as np
import pytest
import torch
from sklearn.covariance import LedoitWolf

from engine.backbones.feature_statistics import RunningMoments
from engine.layers.mahalanobis import CentredProducts, Gaussian


def samples(count=30, channels=12):
    generator = torch.Generator().manual_seed(2)
    return torch.randn(count, channels, generator=generator) @ torch.randn(channels, channels, generator=generator) + 50


def in_chunks(vectors):
    moments = RunningMoments()
    for chunk in vectors.split(7):
        moments.add(chunk)
    products = CentredProducts(moments.mean())
    for chunk in vectors.split(7):
        products.add(chunk)
    return moments, products


@pytest.mark.parametrize("count", [5, 30, 500])
def test_the_covariance_in_chunks_is_that_of_ledoit_and_wolf(count):
    vectors = samples(count)
    _, products = in_chunks(vectors)
    expected = LedoitWolf().fit(vectors.double().numpy()).covariance_
    np.testing.assert_allclose(products.shrunk_covariance().numpy(), expected, rtol=1e-4, atol=1e-4)


def test_moments_in_chunks_are_those_of_all():
    vectors = samples(100)
    moments, _ = in_chunks(vectors)
    torch.testing.assert_close(moments.mean(), vectors.double().mean(dim=0))
    torch.testing.assert_close(moments.variance(), vectors.double().var(dim=0, correction=0), rtol=1e-9, atol=1e-9)


def test_distances_are_mahalanobis():
    vectors = samples(60)
    moments, products = in_chunks(vectors)
    gaussian = Gaussian(12)
    gaussian.fit(moments.mean(), products)
    centred = vectors.double() - moments.mean()
    expected = (centred @ torch.linalg.inv(products.shrunk_covariance()) * centred).sum(dim=1).sqrt()
    torch.testing.assert_close(gaussian(vectors).double(), expected, rtol=1e-3, atol=1e-3)


def test_channels_that_never_change_give_finite_distances():
    vectors = samples(20)
    vectors[:, 3] = 1.0
    moments, products = in_chunks(vectors)
    gaussian = Gaussian(12)
    gaussian.fit(moments.mean(), products)
    assert torch.isfinite(gaussian(vectors + 1)).all()
