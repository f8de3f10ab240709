"""One Gaussian over feature vectors, and how far from its middle others lie.

The covariance is shrunk towards a multiple of the identity with the weight of Ledoit and Wolf, A well-conditioned estimator
for large-dimensional covariance matrices, 2004, https://doi.org/10.1016/S0047-259X(03)00096-4, so that fewer vectors than
channels are enough. Two passes in float64: the mean, then the products around it.
"""

import torch
from torch import nn

SMALL = 1e-6  # of the mean variance, added to every one: channels that never change keep a finite distance


class Gaussian(nn.Module):
    """Distances of vectors (n, C) from what was fitted, in deviations of the good ones."""

    mean: torch.Tensor
    whitener: torch.Tensor

    def __init__(self, channels: int):
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("whitener", torch.eye(channels))  # inverse of the covariance's Cholesky factor

    def forward(self, vectors: torch.Tensor) -> torch.Tensor:
        """(..., C) -> Mahalanobis distances (...)."""
        whitened: torch.Tensor = (vectors - self.mean) @ self.whitener.T
        distances: torch.Tensor = torch.linalg.vector_norm(whitened, dim=-1)
        return distances

    def fit(self, mean: torch.Tensor, products: "CentredProducts") -> None:
        """Take over a mean (C,) and the covariance of the vectors around it."""
        self.mean.copy_(mean)
        factor = torch.linalg.cholesky(products.shrunk_covariance())
        identity = torch.eye(len(mean), dtype=factor.dtype, device=factor.device)
        self.whitener.copy_(torch.linalg.solve_triangular(factor, identity, upper=False))


class CentredProducts:
    """Sums over vectors that come in chunks, around a mean that is known; memory C x C, whatever their number."""

    def __init__(self, mean: torch.Tensor):
        self.mean = mean.double()
        self.count = 0
        self._products = torch.zeros(len(mean), len(mean), dtype=torch.float64, device=mean.device)
        self._fourth = 0.0  # sum of the squared squared lengths

    def add(self, vectors: torch.Tensor) -> None:
        """vectors (n, C), any float type."""
        centred = vectors.double() - self.mean
        self._products.addmm_(centred.T, centred)
        self._fourth += float(centred.square().sum(dim=1).square().sum())
        self.count += len(vectors)

    def shrunk_covariance(self) -> torch.Tensor:
        """(C, C) float64, positive definite."""
        covariance = self._products / self.count
        channels = len(covariance)
        variance = covariance.diagonal().mean()
        identity = torch.eye(channels, dtype=torch.float64, device=covariance.device)
        squared = covariance.square().sum()
        spread = (covariance - variance * identity).square().sum()  # d^2, C times
        noise = (self._fourth / self.count - squared) / self.count  # b^2, C times
        share = float((noise / spread).clamp(0, 1)) if spread > 0 else 1.0
        return (1 - share) * covariance + (share * variance + SMALL * variance + 1e-12) * identity
