"""Augmented pictures: still pictures of the same thing, repeatable, and without borders that the camera never saw."""

import numpy as np
import pytest
import torch

from engine.datasets.augmentation import augment
from tests.engine.samples import plate

PRESETS = ["light", "strong"]


def picture(*, size: int = 96) -> torch.Tensor:
    return torch.from_numpy(plate(1, size=size)[0]).permute(2, 0, 1).float() / 255


@pytest.mark.parametrize("preset", PRESETS)
def test_the_generator_alone_decides_whatever_torch_draws(preset):
    one = augment(picture(), preset, np.random.default_rng(3))[0]
    torch.rand(7)
    assert torch.equal(one, augment(picture(), preset, np.random.default_rng(3))[0])
    assert not torch.equal(one, augment(picture(), preset, np.random.default_rng(4))[0])


@pytest.mark.parametrize("preset", PRESETS)
def test_no_black_border_is_learnt_as_normal(preset):
    bright = torch.full((3, 64, 64), 0.8)
    for seed in range(40):
        changed = augment(bright, preset, np.random.default_rng(seed))[0]
        assert 0.5 < float(changed.min()) <= float(changed.max()) <= 1


@pytest.mark.parametrize("preset", PRESETS)
def test_the_mask_moves_with_the_picture_and_stays_hard(preset):
    mask = torch.zeros(1, 96, 96)
    mask[:, 30:50, 20:60] = 1
    image = 0.1 + 0.8 * mask.expand(3, -1, -1)
    for seed in range(20):
        changed, moved = augment(image, preset, np.random.default_rng(seed), mask=mask)
        assert moved is not None
        assert set(moved.unique().tolist()) <= {0.0, 1.0}
        overlap = ((changed[:1] > 0.4) & (moved > 0)).sum() / ((changed[:1] > 0.4) | (moved > 0)).sum()
        assert overlap > 0.9


def test_light_mirrors_and_shifts_by_whole_pixels_so_that_nothing_is_softened():
    """Every column of the plate is the same but for its grain: whole pixels keep the grain's deviation."""
    image = picture()
    rough = (image[0, :, 1:] - image[0, :, :-1]).std()
    for seed in range(20):
        changed = augment(image, "light", np.random.default_rng(seed))[0]
        assert (changed[0, :, 1:] - changed[0, :, :-1]).std() / rough == pytest.approx(1, abs=0.25)


def test_none_changes_nothing():
    image = picture()
    assert augment(image, "none", np.random.default_rng(0))[0] is image


def test_brightness_stays_within_its_range():
    image = torch.full((3, 32, 32), 0.5)
    means = {
        preset: [float(augment(image, preset, np.random.default_rng(seed))[0].mean()) for seed in range(60)]
        for preset in PRESETS
    }
    assert 0.44 < min(means["light"]) < 0.47
    assert 0.53 < max(means["light"]) < 0.56
    assert 0.39 < min(means["strong"]) < 0.44


def test_an_unknown_preset_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match=r"unknown augmentation 'heavy' \(have: none, light, strong\)"):
        augment(picture(), "heavy", np.random.default_rng(0))
