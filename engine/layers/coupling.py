"""An invertible step of a normalising flow on feature maps: affine coupling, then a fixed channel permutation.

Dinh et al., Density Estimation Using Real NVP, 2017, https://arxiv.org/abs/1605.08803: half of the channels pass
unchanged and decide, through a small network, how the other half is scaled and shifted. The log of the scale is
softly bounded.
"""

import torch
from torch import nn


class CouplingBlock(nn.Module):
    """(B, C, H, W) -> the same shape, with the log-determinant of each image's Jacobian (B,).

    Args:
        channels: C, at least 2.
        hidden_ratio: width of the small network, relative to the channels that it reads.
        kernel_size: of its convolutions, odd.
        clamp: bound of the log scale.
    """

    permutation: torch.Tensor

    def __init__(self, channels: int, *, hidden_ratio: float, kernel_size: int, clamp: float):
        super().__init__()
        self.clamp = clamp
        self.kept = channels - channels // 2
        self.changed = channels // 2
        hidden, padding = max(int(self.kept * hidden_ratio), 1), kernel_size // 2
        last = nn.Conv2d(hidden, 2 * self.changed, kernel_size, padding=padding)
        nn.init.zeros_(last.weight)  # an untrained block only permutes
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]
        self.subnet = nn.Sequential(nn.Conv2d(self.kept, hidden, kernel_size, padding=padding), nn.ReLU(), last)
        self.register_buffer("permutation", torch.randperm(channels))

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        kept, changed = x[:, : self.kept], x[:, self.kept :]
        log_scale, shift = self._affine(kept)
        y = torch.cat([kept, changed * log_scale.exp() + shift], dim=1)
        return y[:, self.permutation], log_scale.sum(dim=(1, 2, 3))

    def inverse(self, y: torch.Tensor) -> torch.Tensor:
        x = y[:, self.permutation.argsort()]
        kept, changed = x[:, : self.kept], x[:, self.kept :]
        log_scale, shift = self._affine(kept)
        return torch.cat([kept, (changed - shift) * (-log_scale).exp()], dim=1)

    def _affine(self, kept: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Log scale within (-clamp, clamp), and shift; each (B, changed, H, W)."""
        log_scale, shift = self.subnet(kept).chunk(2, dim=1)
        return self.clamp * torch.tanh(log_scale / self.clamp), shift
