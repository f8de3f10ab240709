"""Features of a frozen backbone are computed once per image, and never another image's."""

import torch

from engine.datasets.loading import Batch
from engine.layers.frozen_features import FrozenFeatures


class Counting:
    """A backbone of two levels that counts the images it was asked for."""

    def __init__(self):
        self.images = 0

    def __call__(self, images):
        self.images += len(images)
        return [images[:, :1], images.mean(dim=(1, 2, 3), keepdim=True)]


def batch(*numbers):
    images = torch.stack([torch.full((3, 4, 4), float(number)) for number in numbers])
    return Batch(images, torch.zeros(len(numbers)).long(), None, [f"{number}.png" for number in numbers])


def test_each_image_is_computed_once_while_they_are_kept():
    backbone = Counting()
    features = FrozenFeatures(backbone)
    with features.keeping():
        for numbers in [(1, 2, 3), (3, 1), (2, 4)]:
            levels = features(batch(*numbers))
            assert levels[1].flatten().tolist() == list(numbers)
            assert levels[0].shape == (len(numbers), 1, 4, 4)
    assert backbone.images == 4


def test_nothing_is_kept_outside_or_afterwards():
    backbone = Counting()
    features = FrozenFeatures(backbone)
    with features.keeping():
        features(batch(1))
    features(batch(1))
    with features.keeping():
        features(batch(1))
    assert backbone.images == 3


def test_images_beyond_the_budget_are_computed_anew():
    backbone = Counting()
    features = FrozenFeatures(backbone, memory_mb=0)
    with features.keeping():
        for _ in range(2):
            assert features(batch(5, 6))[1].flatten().tolist() == [5, 6]
    assert backbone.images == 4
