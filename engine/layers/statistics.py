"""Figures about collected features, summed up in float64 so that many batches add up exactly enough."""

import torch


def feature_sums(features: torch.Tensor, *, vectors: int) -> dict[str, torch.Tensor]:
    """What a memory model's `train_step` returns: `samples`, and `values`, `sum`, `sum_squares` over all features."""
    return {
        "samples": torch.tensor(vectors),
        "values": torch.tensor(features.numel()),
        "sum": features.sum(dtype=torch.float64),
        "sum_squares": features.square().sum(dtype=torch.float64),
    }
