"""Made-up defects by cutting and pasting: how large, where from, and that a seed repeats them."""

import pytest
import torch

from engine.layers.cut_paste import cut_paste


def pictures(count=40, size=256):
    """Smooth colours, so that a piece from elsewhere shows."""
    ramp = torch.linspace(0.2, 0.8, size)
    image = torch.stack([ramp.expand(size, size), ramp.view(-1, 1).expand(size, size), ramp.flip(0).expand(size, size)])
    return image.expand(count, 3, size, size).contiguous()


def changed_share(kind, **more):
    torch.manual_seed(0)
    images = pictures(**more)
    changed = (cut_paste(images, kind) != images).any(dim=1)
    return changed.float().mean(dim=(1, 2))


def test_a_patch_covers_two_to_fifteen_percent():
    share = changed_share("patch")
    assert 0.018 < share.min() < share.max() < 0.155


def test_a_scar_is_a_narrow_piece():
    share = changed_share("scar")
    assert 0 < share.min() < share.max() < 16 * 25 / 256**2 * 1.2


@pytest.mark.parametrize("kind", ["patch", "scar"])
@pytest.mark.parametrize("size", [8, 64])
def test_small_pictures_stay_pictures(kind, size):
    torch.manual_seed(1)
    images = torch.rand(20, 3, size, size)
    pasted = cut_paste(images, kind)
    assert pasted.shape == images.shape
    assert 0 <= pasted.min() <= pasted.max() <= 1
    assert (pasted != images).flatten(1).any(dim=1).float().mean() > 0.9


def test_a_seed_repeats_the_pastes_and_leaves_the_images_as_they_are():
    images = pictures(count=3)
    before = images.clone()
    torch.manual_seed(7)
    one = cut_paste(images, "scar")
    torch.manual_seed(7)
    assert torch.equal(one, cut_paste(images, "scar"))
    assert torch.equal(images, before)
