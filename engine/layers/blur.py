"""Gaussian smoothing of anomaly maps as two passes of a one-dimensional kernel."""

import torch
from torch.nn import functional


def gaussian_blur(maps: torch.Tensor, *, sigma: float) -> torch.Tensor:
    """(B, 1, H, W) smoothed; sigma in pixels, 0 changes nothing. The kernel reaches 4 sigma; edges are mirrored."""
    if sigma <= 0:
        return maps
    height, width = maps.shape[-2:]
    radius = min(int(4 * sigma + 0.5), height - 1, width - 1)
    offsets = torch.arange(-radius, radius + 1, dtype=maps.dtype, device=maps.device)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = kernel / kernel.sum()
    padded = functional.pad(maps, (radius, radius, radius, radius), mode="reflect")
    rows = functional.conv2d(padded, kernel.view(1, 1, 1, -1))
    return functional.conv2d(rows, kernel.view(1, 1, -1, 1))
