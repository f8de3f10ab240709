"""Structural similarity against scipy's Gaussian window, and where its definition leaves no choice."""

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from engine.layers.ssim import ssim_map


def test_it_agrees_with_the_formula_computed_by_scipy():
    generator = np.random.default_rng(0)
    a, b = generator.random((2, 24, 30))

    def mean(image):
        return gaussian_filter(image, 1.5, mode="mirror", radius=5)

    covariance = mean(a * b) - mean(a) * mean(b)
    variances = mean(a * a) - mean(a) ** 2 + mean(b * b) - mean(b) ** 2
    expected = (2 * mean(a) * mean(b) + 1e-4) * (2 * covariance + 9e-4)
    expected /= (mean(a) ** 2 + mean(b) ** 2 + 1e-4) * (variances + 9e-4)
    measured = ssim_map(torch.from_numpy(a)[None, None], torch.from_numpy(b)[None, None])[0, 0]
    np.testing.assert_allclose(measured.numpy(), expected, atol=1e-9)


def test_equal_images_are_alike_everywhere():
    image = torch.rand(2, 3, 16, 16)
    torch.testing.assert_close(ssim_map(image, image), torch.ones_like(image))


def test_channels_are_compared_one_by_one():
    first = torch.rand(1, 3, 16, 16)
    second = first.clone()
    second[:, 1] = torch.rand(1, 16, 16)
    alike = ssim_map(first, second).mean(dim=(0, 2, 3))
    assert alike[0] == pytest.approx(1, abs=1e-4)
    assert alike[1] < 0.5


def test_flat_images_have_a_finite_gradient():
    drawn = torch.full((1, 3, 16, 16), 0.5, requires_grad=True)
    (1 - ssim_map(torch.zeros_like(drawn), drawn)).mean().backward()
    assert torch.isfinite(drawn.grad).all()
