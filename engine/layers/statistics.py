"""Figures about collected features, summed up in float64 so that many batches add up exactly enough."""

import torch

VALUES_AT_ONCE = 2**20  # squared and turned into float64 at a time


def feature_sums(features: torch.Tensor, *, vectors: int) -> dict[str, torch.Tensor]:
    """What a memory model's `train_step` returns: `samples`, and `values`, `sum`, `sum_squares` over all features."""
    parts = torch.split(features.flatten(), VALUES_AT_ONCE)
    return {
        "samples": torch.tensor(vectors),
        "values": torch.tensor(features.numel()),
        "sum": torch.stack([part.sum(dtype=torch.float64) for part in parts]).sum(),
        "sum_squares": torch.stack([part.square().sum(dtype=torch.float64) for part in parts]).sum(),
    }
