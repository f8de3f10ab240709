"""Residual blocks that keep, halve or double the grid: the encoder's blocks of ResNet and their mirror images.

He et al., Deep Residual Learning for Image Recognition, CVPR 2016, https://arxiv.org/abs/1512.03385. Doubling replaces
the convolution of stride 2 by a 2 x 2 transposed one, as in Deng and Li, https://arxiv.org/abs/2201.10703.

B batch, C channels, h and w grid.
"""

from typing import Literal

import torch
from torch import nn
from torch.nn import functional

Resize = Literal["keep", "halve", "double"]


def residual_level(before: int, channels: int, *, resize: Resize, depth: int, bottleneck: bool) -> nn.Sequential:
    """`depth` blocks, the first of which changes width and grid: (B, before, h, w) -> (B, channels, h', w').

    An odd grid is rounded up when it is halved.
    """
    first = ResidualBlock(before, channels, resize=resize, bottleneck=bottleneck)
    others = [ResidualBlock(channels, channels, resize="keep", bottleneck=bottleneck) for _ in range(depth - 1)]
    return nn.Sequential(first, *others)


def halving(before: int, channels: int, *, stride: int = 2) -> nn.Sequential:
    """3 x 3 convolution with batch norm and ReLU: (B, before, h, w) -> (B, channels, ceil(h / stride), ...)."""
    return nn.Sequential(_convolution(before, channels, 3, stride=stride), nn.BatchNorm2d(channels), nn.ReLU())


class ResidualBlock(nn.Module):
    """Basic (two 3 x 3) or bottleneck (1 x 1, 3 x 3, 1 x 1 at half the width, as in wide ResNets)."""

    def __init__(self, before: int, channels: int, *, resize: Resize, bottleneck: bool):
        super().__init__()
        width = channels // 2 if bottleneck else channels
        layers = [_convolution(before, width, 1), nn.BatchNorm2d(width), nn.ReLU()] if bottleneck else []
        layers += [_resizing(width if bottleneck else before, width, resize), nn.BatchNorm2d(width), nn.ReLU()]
        layers += [_convolution(width, channels, 1 if bottleneck else 3), nn.BatchNorm2d(channels)]
        self.branch = nn.Sequential(*layers)
        self.shortcut = _shortcut(before, channels, resize)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.branch(x) + self.shortcut(x))


def _resizing(before: int, channels: int, resize: Resize) -> nn.Module:
    if resize == "double":
        return nn.ConvTranspose2d(before, channels, kernel_size=2, stride=2, bias=False)
    return _convolution(before, channels, 3, stride=2 if resize == "halve" else 1)


def _shortcut(before: int, channels: int, resize: Resize) -> nn.Module:
    if resize == "keep" and before == channels:
        return nn.Identity()
    if resize == "double":
        return nn.Sequential(_resizing(before, channels, resize), nn.BatchNorm2d(channels))
    return nn.Sequential(
        _convolution(before, channels, 1, stride=2 if resize == "halve" else 1), nn.BatchNorm2d(channels)
    )


def _convolution(before: int, channels: int, size: int, *, stride: int = 1) -> nn.Conv2d:
    return nn.Conv2d(before, channels, size, stride=stride, padding=size // 2, bias=False)
