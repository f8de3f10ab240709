import numpy as np
import torch
from scipy.ndimage import gaussian_filter

from engine.layers.blur import gaussian_blur


def test_equals_scipys_gaussian_filter():
    maps = torch.rand(2, 1, 48, 40)
    expected = np.stack([gaussian_filter(m[0].numpy(), 4.0, mode="mirror") for m in maps])
    np.testing.assert_allclose(gaussian_blur(maps, sigma=4.0)[:, 0].numpy(), expected, atol=1e-5)


def test_sigma_zero_changes_nothing():
    maps = torch.rand(1, 1, 8, 8)
    assert gaussian_blur(maps, sigma=0) is maps


def test_a_kernel_wider_than_the_map_keeps_a_flat_map_flat():
    torch.testing.assert_close(gaussian_blur(torch.full((1, 1, 8, 8), 3.0), sigma=32), torch.full((1, 1, 8, 8), 3.0))
