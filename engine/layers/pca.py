"""Principal components of many vectors: from a covariance summed up as they pass by, or from few long vectors at once.

Both are exact (no random projection) and decide in float64.
"""

from dataclasses import dataclass

import torch

ROWS_AT_ONCE = 16384  # turned into float64 at a time


@dataclass(frozen=True)
class Components:
    """mean (D,), axes (D, K) orthonormal with the largest variance first, variances (K,) along them; float32.

    noise is the mean variance along the D - K directions left out.
    """

    mean: torch.Tensor
    axes: torch.Tensor
    variances: torch.Tensor
    noise: float


class Moments:
    """Mean and covariance of the rows added so far, in float64; memory is D x D, whatever the number of rows.

    Rows are taken relative to the mean of the first ones added, so that a large common offset costs no digits.
    """

    def __init__(self, first: torch.Tensor):
        """`first` (N, D) only sets the offset; it is not added."""
        self.count = 0
        self.offset = first.double().mean(dim=0)  # (D,)
        self.sum = torch.zeros_like(self.offset)
        self.outer = torch.zeros(len(self.sum), len(self.sum), dtype=torch.float64, device=first.device)

    def add(self, rows: torch.Tensor) -> None:
        """Take (N, D) into account."""
        for part in torch.split(rows, ROWS_AT_ONCE):
            relative = part.double() - self.offset
            self.count += len(relative)
            self.sum += relative.sum(dim=0)
            self.outer.addmm_(relative.T, relative)

    def add_components(self, known: Components, *, count: int) -> None:
        """Take into account so many rows of which only the principal components are known: what these leave out varies alike in all other directions."""
        axes, size = known.axes.double(), len(self.sum)
        relative = known.mean.double() - self.offset
        covariance = (axes * (known.variances.double() - known.noise)) @ axes.T
        covariance += known.noise * torch.eye(size, dtype=torch.float64, device=axes.device)
        self.outer += max(count - 1, 0) * covariance + count * torch.outer(relative, relative)
        self.sum += count * relative
        self.count += count

    def mean(self) -> torch.Tensor:
        """(D,) float64."""
        return self.offset + self.sum / self.count

    def covariance(self) -> torch.Tensor:
        """(D, D) float64, divided by N - 1."""
        centred = self.outer - torch.outer(self.sum, self.sum) / self.count
        return centred / max(self.count - 1, 1)


def components_of_moments(moments: Moments, *, variance_kept: float) -> Components:
    """As few components as keep `variance_kept` (in (0, 1)) of the variance; none where nothing varies."""
    values, axes = torch.linalg.eigh(moments.covariance())
    return _kept(moments.mean(), values, axes, variance_kept=variance_kept, directions=len(values))


def components_of_rows(rows: torch.Tensor, *, variance_kept: float) -> Components:
    """The same of vectors (N, D) held in memory: through their N x N products where these are fewer than D x D.

    A quarter of a second for 200 vectors of 16,384 values, where a full singular value decomposition takes many.
    """
    count, size = rows.shape
    if count >= size:
        moments = Moments(rows)
        moments.add(rows)
        return components_of_moments(moments, variance_kept=variance_kept)
    mean = rows.mean(dim=0, dtype=torch.float64)
    centred = rows.double() - mean
    values, coordinates = torch.linalg.eigh(centred @ centred.T / max(count - 1, 1))
    sound = values > values[-1].clamp(min=0) * 1e-12  # rounding leaves at least one direction that has no variance
    values, coordinates = values[sound], coordinates[:, sound]
    axes = torch.linalg.qr((centred.T @ coordinates).flip(1)).Q.flip(1)  # (D, at most N - 1), the largest first in QR
    return _kept(mean, values, axes, variance_kept=variance_kept, directions=min(count - 1, size))


def residual(rows: torch.Tensor, mean: torch.Tensor, axes: torch.Tensor) -> torch.Tensor:
    """Squared distance (N,) of rows (N, D) to the subspace: |x - mean|^2 - |P (x - mean)|^2, never below 0."""
    centred = rows - mean
    whole = torch.einsum("nd,nd->n", centred, centred)
    inside = (centred @ axes).square().sum(dim=1)
    return (whole - inside).clamp_(min=0)


def _kept(
    mean: torch.Tensor, values: torch.Tensor, axes: torch.Tensor, *, variance_kept: float, directions: int
) -> Components:
    """From eigenvalues in ascending order, as eigh gives them, to the components kept. `directions` can have variance."""
    values, axes = values.flip(0).clamp(min=0), axes.flip(1)
    total = values.sum()
    count = min(int((values.cumsum(0) < variance_kept * total).sum()) + 1, len(values)) if total > 0 else 0
    left_out = float(values[count:].sum()) / max(directions - count, 1)
    return Components(mean.float(), axes[:, :count].float().contiguous(), values[:count].float(), left_out)
