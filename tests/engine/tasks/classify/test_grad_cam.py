from typing import Any

import pytest
import torch
from torch import nn

from engine.tasks.classify.classifier import Classifier
from engine.tasks.classify.grad_cam import grad_cam
from engine.weights import Weights
from tests.engine.tasks.classify.pictures import tiny_job


class Brightness(nn.Module):
    """A feature map of two channels, how bright and how dark each place is, and their means."""

    def __init__(self, cell: int = 8):
        super().__init__()
        self.cell = cell

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        grey = nn.functional.avg_pool2d(images.mean(dim=1, keepdim=True), self.cell)
        return torch.cat([grey.relu(), (-grey).relu()], dim=1)

    def forward_head(self, features: torch.Tensor) -> torch.Tensor:
        return features.mean(dim=(2, 3))


def classifier(backbone: str = "test_resnet") -> Classifier:
    return Classifier(tiny_job(backbone=backbone), [3, 3], Weights("random")).eval()


@pytest.mark.parametrize(
    "backbone", ["test_resnet", "test_vit", "test_convnext", "test_efficientnet", "swin_tiny_patch4_window7_224"]
)
def test_every_sort_of_network_has_a_map_of_the_pictures_size(backbone):
    seen = grad_cam(classifier(backbone), torch.rand(2, 3, 64, 64), torch.tensor([0, 1])).maps
    assert seen.shape == (2, 64, 64)
    assert seen.min() >= 0 and seen.max() <= 1
    assert seen.amax() > 0


def test_it_lights_up_where_what_speaks_for_the_class_is():
    model: Any = classifier()
    model.network = Brightness()
    model.head = nn.Linear(2, 2, bias=False)
    model.head.weight.data = torch.eye(2)
    image = torch.full((1, 3, 64, 64), 0.45)
    image[..., 8:16, 40:48] = 1.0  # bright here
    image[..., 48:56, 8:16] = 0.0  # dark there
    bright, dark = (grad_cam(model, image, torch.tensor([index])).maps[0] for index in (0, 1))
    assert divmod(int(bright.argmax()), 64) == (pytest.approx(12, abs=4), pytest.approx(44, abs=4))
    assert divmod(int(dark.argmax()), 64) == (pytest.approx(52, abs=4), pytest.approx(12, abs=4))


def test_a_coarse_map_is_drawn_as_a_smooth_hill_and_tells_its_cells():
    model: Any = classifier()
    model.network = Brightness(cell=20)
    model.head = nn.Linear(2, 2, bias=False)
    model.head.weight.data = torch.eye(2)
    image = torch.full((1, 3, 64, 64), 0.45)
    image[..., 20:40, 20:40] = 1.0
    seen = grad_cam(model, image, torch.tensor([0]))
    line = seen.maps[0, 32]
    assert seen.cells == (3, 3)
    assert int(line.argmax()) in (31, 32) and line[0] < 0.6  # it still says where
    assert line.diff().diff().abs().max() < 0.03  # an edge between cells changes the slope by 1, a roof's ridge by 0.1


def test_it_leaves_no_gradients_behind():
    model = classifier()
    grad_cam(model, torch.rand(1, 3, 64, 64), torch.tensor([0]))
    assert all(parameter.grad is None for parameter in model.parameters())
