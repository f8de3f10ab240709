import torch

from engine.layers.memory_bank import MemoryBank


def a_bank() -> tuple[MemoryBank, torch.Tensor]:
    """Patches of three images on a grid of 2 x 4, half of them kept."""
    patches = torch.randn(3, 2, 4, 6, generator=torch.Generator().manual_seed(0))
    bank = MemoryBank(6)
    bank.fill(patches.flatten(0, 2), torch.arange(1, 24, 2), grid=(2, 4))
    return bank, patches


def test_tells_the_image_and_the_place_that_a_patch_comes_from():
    bank, patches = a_bank()
    image, row, column = bank.sources[7].tolist()
    assert (image, row, column) == (1, 1, 3)
    assert torch.equal(patches[image, row, column], bank.patches[7])


def test_explains_a_place_by_the_nearest_patches():
    bank, patches = a_bank()
    (found,) = bank.explain(patches, [(2, 63, 40)], size=(64, 128), k=3)  # row 1, column 1 of the third image
    assert (found[0].image, found[0].x, found[0].y, found[0].distance) == (2, 0.375, 0.75, 0.0)
    distances = [each.distance for each in found]
    assert distances == sorted(distances)
    assert len(distances) == 3


def test_a_bank_without_sources_explains_nothing():
    bank, patches = a_bank()
    bank.sources = bank.sources[:0]
    assert bank.explain(patches, [(0, 0, 0)], size=(64, 64), k=1) is None


def test_searches_what_the_bank_holds_now():
    bank, _ = a_bank()
    query = torch.ones(1, 6)
    before = bank.nearest(query)[0]
    bank.patches.add_(100)
    assert bank.nearest(query)[0] > before + 100
    bank.patches = torch.ones(1, 6)
    assert bank.nearest(query)[0] == 0
