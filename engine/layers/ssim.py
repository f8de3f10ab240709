"""Structural similarity of two images, pixel by pixel.

Wang et al., Image Quality Assessment: From Error Visibility to Structural Similarity, 2004: luminance, contrast and
structure compared under a Gaussian window of 11 pixels (sigma 1.5), constants 0.01 and 0.03, values in [0, 1].
"""

import torch
from torch.nn import functional

WINDOW, SIGMA = 11, 1.5
LUMINANCE_CONSTANT, CONTRAST_CONSTANT = 0.01**2, 0.03**2


def ssim_map(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """(B, C, H, W) twice -> (B, C, H, W): 1 where they are alike, lower where not. Borders are mirrored."""
    stacked = torch.cat([first, second, first * first, second * second, first * second], dim=1)  # (B, 5C, H, W)
    mean_1, mean_2, square_1, square_2, product = _window(stacked).chunk(5, dim=1)
    variance = (square_1 - mean_1**2).clamp(min=0) + (square_2 - mean_2**2).clamp(min=0)
    covariance = product - mean_1 * mean_2
    luminance = (2 * mean_1 * mean_2 + LUMINANCE_CONSTANT) / (mean_1**2 + mean_2**2 + LUMINANCE_CONSTANT)
    return luminance * (2 * covariance + CONTRAST_CONSTANT) / (variance + CONTRAST_CONSTANT)


def _window(images: torch.Tensor) -> torch.Tensor:
    """Gaussian mean around each pixel, as two one-dimensional passes."""
    channels, radius = images.shape[1], WINDOW // 2
    offsets = torch.arange(-radius, radius + 1, dtype=images.dtype, device=images.device)
    kernel = torch.exp(-0.5 * (offsets / SIGMA) ** 2)
    kernel = (kernel / kernel.sum()).expand(channels, 1, 1, -1)
    padded = functional.pad(images, (radius,) * 4, mode="reflect")
    rows = functional.conv2d(padded, kernel, groups=channels)
    return functional.conv2d(rows, kernel.transpose(2, 3), groups=channels)
