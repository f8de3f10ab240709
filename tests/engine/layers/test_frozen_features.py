"""Features of a frozen backbone are computed once per image, and never another image's."""

from dataclasses import replace

import torch

from engine.backbones import Backbone
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


def test_augmented_images_are_computed_anew_and_nothing_of_them_is_kept():
    backbone = Counting()
    features = FrozenFeatures(backbone)
    with features.keeping():
        for value in (1.0, 2.0):
            augmented = replace(batch(7), images=torch.full((1, 3, 4, 4), value), augmented=True)
            assert features(augmented)[1].flatten().tolist() == [value]
        assert features(batch(7))[1].flatten().tolist() == [7.0]
    assert backbone.images == 3


def test_styles_are_mixed_behind_what_is_kept():
    backbone = Backbone("resnet18", layers=[1], weights="random", style_mixing=1.0, feature_normalisation="layer")
    features = FrozenFeatures(backbone)
    pictures = Batch(torch.rand(3, 3, 64, 64), torch.zeros(3).long(), None, ["a", "b", "c"])
    with features.keeping(), torch.no_grad():
        features(pictures)
        backbone.train()
        torch.manual_seed(1)
        kept = features(pictures)
        torch.manual_seed(1)
        fresh = backbone(pictures.images)
        backbone.eval()
        torch.testing.assert_close(kept, fresh)
        torch.testing.assert_close(features(pictures), backbone(pictures.images))
    assert not torch.allclose(kept[0], backbone(pictures.images)[0])
