"""A code of sines and cosines that tells where on a grid a place lies.

Vaswani et al., Attention Is All You Need, NeurIPS 2017, https://arxiv.org/abs/1706.03762, in two dimensions: the first half
of the code tells the column, the second half the row.
"""

import torch

LONGEST = 10_000.0  # places in the longest wave, over 2 pi


def position_code(height: int, width: int, *, size: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """(height * width, size), row by row; values -1 to 1.

    Raises:
        ValueError: the size is no multiple of 4.
    """
    if size % 4:
        raise ValueError(f"size is {size}: take a multiple of 4, for sine and cosine of row and column")
    frequency = LONGEST ** -(torch.arange(size // 4, dtype=torch.float32, device=device) / (size // 4))
    columns = _waves(width, frequency).expand(height, -1, -1)  # (height, width, size / 2)
    rows = _waves(height, frequency).unsqueeze(1).expand(-1, width, -1)
    return torch.cat([columns, rows], dim=2).reshape(height * width, size)


def _waves(length: int, frequency: torch.Tensor) -> torch.Tensor:
    """(length, size / 2)"""
    angle = torch.arange(length, dtype=torch.float32, device=frequency.device).unsqueeze(1) * frequency
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)
