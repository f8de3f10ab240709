"""Mean and deviation of feature channels: measured over many images, taken out, or exchanged between images.

B batch, C channels, h x w grid.
"""

import torch

SMALL = 1e-5  # added to a variance, so that a channel that never changes gives no infinite values


class RunningMoments:
    """Mean (C,) and variance (C,) of vectors that come in chunks; summed in float64 around the first chunk's mean."""

    def __init__(self) -> None:
        self.count = 0
        self._centre = self._sum = self._squares = torch.zeros(0)

    def add(self, vectors: torch.Tensor) -> None:
        """vectors (n, C), any float type."""
        vectors = vectors.double()
        if self.count == 0:
            self._centre = vectors.mean(dim=0)
            self._sum, self._squares = torch.zeros_like(self._centre), torch.zeros_like(self._centre)
        shifted = vectors - self._centre
        self._sum += shifted.sum(dim=0)
        self._squares += shifted.square().sum(dim=0)
        self.count += len(vectors)

    def mean(self) -> torch.Tensor:
        return self._centre + self._sum / self.count

    def variance(self) -> torch.Tensor:
        """Of the population: divided by the count, never negative."""
        return (self._squares / self.count - (self._sum / self.count).square()).clamp(min=0)


def by_image(level: torch.Tensor) -> torch.Tensor:
    """(B, C, h, w) with each channel of each image brought to mean 0 and deviation 1 over its places."""
    variance, mean = torch.var_mean(level, dim=(2, 3), keepdim=True, correction=0)
    return (level - mean) * torch.rsqrt(variance + SMALL)


def by_place(level: torch.Tensor) -> torch.Tensor:
    """(B, C, h, w) with the channels at each place brought to mean 0 and deviation 1."""
    variance, mean = torch.var_mean(level, dim=1, keepdim=True, correction=0)
    return (level - mean) * torch.rsqrt(variance + SMALL)


def by_statistics(level: torch.Tensor, mean: torch.Tensor, deviation: torch.Tensor) -> torch.Tensor:
    """(B, C, h, w) with a fixed mean (C,) taken out and divided by a fixed deviation (C,)."""
    return (level - mean.view(1, -1, 1, 1)) / deviation.view(1, -1, 1, 1)


def restyled(levels: list[torch.Tensor], style: torch.Tensor) -> list[torch.Tensor]:
    """Adaptive instance normalisation: image i keeps its pattern, and takes mean and deviation of image style[i].

    Huang and Belongie, Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization, ICCV 2017, equation 8,
    https://arxiv.org/abs/1703.06868. Levels (B, C, h, w); style (B,) long. An image with style[i] == i stays as it is.
    """
    changed = (style != torch.arange(len(style), device=style.device)).view(-1, 1, 1, 1)
    mixed = []
    for level in levels:
        variance, mean = torch.var_mean(level, dim=(2, 3), keepdim=True, correction=0)
        deviation = torch.sqrt(variance + SMALL)
        new = (level - mean) / deviation * deviation[style] + mean[style]
        mixed.append(torch.where(changed, new, level))
    return mixed


def draw_styles(count: int, share: float) -> torch.Tensor:
    """(count,) long: for about `share` of the images another image of the batch, for the others itself; torch's global numbers.

    An image alone in its batch keeps its own.
    """
    own = torch.arange(count)
    if count < 2:
        return own
    chosen = torch.rand(count) < share
    other = (own + torch.randint(1, count, (count,))) % count
    return torch.where(chosen, other, own)
