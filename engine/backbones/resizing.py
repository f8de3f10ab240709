"""Pictures at another size, smoothed where they get smaller, alike in every runtime.

Runtimes differ in how they smooth: of ONNX's antialiased cubic OpenVINO 2026.4 makes another one, and three of four good pictures were
called defective. So a model that is exported holds a matrix for the rows and one for the columns instead, of torch's own weights.
"""

from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

Mode = Literal["bilinear", "bicubic"]
REACH: dict[Mode, float] = {"bilinear": 1.0, "bicubic": 2.0}


def resized(images: torch.Tensor, size: tuple[int, int], *, mode: Mode) -> torch.Tensor:
    """(B, C, H, W) -> (B, C, *size), antialiased."""
    if not torch.compiler.is_exporting():
        return functional.interpolate(images, size=size, mode=mode, antialias=True, align_corners=False)
    down, across = (
        torch.from_numpy(weights(before, after, mode)).to(images)
        for before, after in zip(images.shape[-2:], size, strict=True)
    )
    return down @ images @ across.T


def weights(before: int, after: int, mode: Mode) -> NDArray[np.float64]:
    """(after, before): row i holds the weights of a line's pixels in the new pixel i."""
    scale = before / after
    wide = max(scale, 1.0)
    rows = np.zeros((after, before))
    for i in range(after):
        centre = scale * (i + 0.5)
        first = max(int(centre - REACH[mode] * wide + 0.5), 0)
        last = min(int(centre + REACH[mode] * wide + 0.5), before)
        row = _kernel((np.arange(first, last, dtype=np.float64) - centre + 0.5) / wide, mode)
        rows[i, first:last] = row / row.sum()
    return rows


def _kernel(x: NDArray[np.float64], mode: Mode) -> NDArray[np.float64]:
    x = np.abs(x)
    if mode == "bilinear":
        return np.maximum(1 - x, 0)
    near, far = 1.5 * x**3 - 2.5 * x**2 + 1, -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2  # cubic with a = -0.5
    return np.where(x < 1, near, np.where(x < 2, far, 0))
