"""Invertible steps of normalising flows: affine coupling, then a fixed channel permutation.

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


class ConditionalCouplingBlock(nn.Module):
    """The same for single feature vectors, whose scale and shift also depend on the place they come from.

    (B, P, C): the vectors of B images at P places -> the same shape, with the log-determinant of each (B, P).

    What the code of a place adds to the hidden layer is the same in all images, so it is computed once for them.

    Args:
        channels: C, at least 2.
        code_size: K, numbers that tell a place.
        hidden_ratio: width of the small network, relative to the channels and the code that it reads.
        clamp: bound of the log scale.
    """

    permutation: torch.Tensor

    def __init__(self, channels: int, *, code_size: int, hidden_ratio: float, clamp: float):
        super().__init__()
        self.clamp = clamp
        self.kept = channels - channels // 2
        self.changed = channels // 2
        hidden = max(int((self.kept + code_size) * hidden_ratio), 1)
        self.from_kept = nn.Linear(self.kept, hidden, bias=False)
        self.from_code = nn.Linear(code_size, hidden)
        self.last = nn.Linear(hidden, 2 * self.changed)
        nn.init.zeros_(self.last.weight)  # an untrained block only permutes
        nn.init.zeros_(self.last.bias)
        self.register_buffer("permutation", torch.randperm(channels))

    def forward(self, x: torch.Tensor, code: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x (B, P, C), code (P, K)."""
        kept, changed = x[..., : self.kept], x[..., self.kept :]
        log_scale, shift = self._affine(kept, code)
        y = torch.cat([kept, changed * log_scale.exp() + shift], dim=2)
        return y[..., self.permutation], log_scale.sum(dim=2)

    def inverse(self, y: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
        x = y[..., self.permutation.argsort()]
        kept, changed = x[..., : self.kept], x[..., self.kept :]
        log_scale, shift = self._affine(kept, code)
        return torch.cat([kept, (changed - shift) * (-log_scale).exp()], dim=2)

    def _affine(self, kept: torch.Tensor, code: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Log scale within (-clamp, clamp), and shift; each (B, P, changed)."""
        hidden = torch.relu(self.from_kept(kept) + self.from_code(code))
        log_scale, shift = self.last(hidden).chunk(2, dim=2)
        return self.clamp * torch.tanh(log_scale / self.clamp), shift
