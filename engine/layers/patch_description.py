"""The small convolutional networks of EfficientAD: patch description networks and the autoencoder.

Batzner et al., EfficientAD, WACV 2024, https://arxiv.org/abs/2303.14535, tables of the appendix. Each output place of a
patch description network describes a patch of 33 x 33 pixels, 4 pixels from the next. Without padding, as the paper
uses them in training and inspection: H x W pixels give (H / 4 - 8) x (W / 4 - 8) places, for H and W multiples of 4.

B batch, C channels, h and w places.
"""

from typing import Literal

import torch
from torch import nn
from torch.nn import functional

Size = Literal["small", "medium"]
STRIDE = 4
MARGIN = 4  # places that the missing padding costs at each side
SLIMMEST = 32  # channels of the autoencoder's first convolutions, then twice as many


class PatchDescription(nn.Module):
    """(B, 3, H, W) -> one (B, channels, h, w) per head; a student's heads share all but the last layer."""

    def __init__(self, size: Size, channels: int, *, heads: int = 1):
        super().__init__()
        self.trunk = _small_trunk() if size == "small" else _medium_trunk(channels * heads)
        before, kernel = (256, 4) if size == "small" else (channels * heads, 1)
        self.heads = nn.ModuleList(nn.Conv2d(before, channels, kernel) for _ in range(heads))

    def forward(self, images: torch.Tensor) -> list[torch.Tensor]:
        hidden = self.trunk(images)
        return [head(hidden) for head in self.heads]


def _small_trunk() -> nn.Sequential:
    return nn.Sequential(
        *_convolution(3, 128, 4),
        nn.AvgPool2d(2),
        *_convolution(128, 256, 4),
        nn.AvgPool2d(2),
        *_convolution(256, 256, 3),
    )


def _medium_trunk(last: int) -> nn.Sequential:
    return nn.Sequential(
        *_convolution(3, 256, 4),
        nn.AvgPool2d(2),
        *_convolution(256, 512, 4),
        nn.AvgPool2d(2),
        *_convolution(512, 512, 1),
        *_convolution(512, 512, 3),
        *_convolution(512, last, 4),
    )


def _convolution(before: int, channels: int, kernel: int) -> list[nn.Module]:
    return [nn.Conv2d(before, channels, kernel), nn.ReLU()]


class DescriptionAutoencoder(nn.Module):
    """(B, 3, H, W) -> (B, channels, H / 4 - 8, W / 4 - 8), through a bottleneck of 64 numbers.

    Every image is seen whole, so that parts in a wrong arrangement are noticed too. For square images of a multiple of
    32 pixels; the paper's table is for 256.
    """

    def __init__(self, channels: int, *, image_size: int):
        super().__init__()
        slim, wide, grid = SLIMMEST, 2 * SLIMMEST, image_size // 32
        encoder: list[nn.Module] = []
        for before, after in ((3, slim), (slim, slim), (slim, wide), (wide, wide), (wide, wide)):
            encoder += [nn.Conv2d(before, after, 4, stride=2, padding=1), nn.ReLU()]
        self.encoder = nn.Sequential(*encoder, nn.Conv2d(wide, wide, grid))  # (B, 64, 1, 1)
        decoder: list[nn.Module] = []
        for size in _decoder_sizes(image_size):  # a 4 x 4 convolution with padding 2 adds one cell
            decoder += [_Resized(size), nn.Conv2d(wide, wide, 4, padding=2), nn.ReLU(), nn.Dropout(0.2)]
        decoder += [_Resized(image_size // STRIDE - 2 * MARGIN), nn.Conv2d(wide, wide, 3, padding=1), nn.ReLU()]
        self.decoder = nn.Sequential(*decoder, nn.Conv2d(wide, channels, 3, padding=1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        described: torch.Tensor = self.decoder(self.encoder(images))
        return described


class _Resized(nn.Module):
    def __init__(self, size: int):
        super().__init__()
        self.size = size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.interpolate(x, size=(self.size, self.size), mode="bilinear", align_corners=False)


def _decoder_sizes(image_size: int) -> list[int]:
    """3, 8, 15, 32, 63, 127 for 256 pixels."""
    shares = ((64, 1), (32, 0), (16, 1), (8, 0), (4, 1), (2, 1))
    return [max(image_size // share - less, 1) for share, less in shares]
