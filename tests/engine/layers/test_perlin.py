"""Perlin noise: smooth, differently coarse, by seed alone."""

import torch

from engine.layers.perlin import perlin_noise


def noise(seed: int = 0, *, count: int = 64, height: int = 48, width: int = 64) -> torch.Tensor:
    return perlin_noise(count, height=height, width=width, generator=torch.Generator().manual_seed(seed))


def test_lies_around_zero_within_one():
    hills = noise()
    assert hills.shape == (64, 48, 64)
    assert -1 <= hills.min() < -0.5
    assert 0.5 < hills.max() <= 1
    assert abs(hills.mean()) < 0.02


def test_neighbours_are_alike_and_images_differ_in_coarseness():
    hills = noise()
    jumps = (hills[:, :, 1:] - hills[:, :, :-1]).abs().mean(dim=(1, 2)) / hills.std(dim=(1, 2))
    assert jumps.min() < 0.1
    assert jumps.max() > 3 * jumps.min()


def test_follows_its_seed():
    assert torch.equal(noise(3), noise(3))
    assert not torch.equal(noise(3), noise(4))


def test_takes_any_grid():
    assert torch.isfinite(noise(height=1, width=3)).all()
