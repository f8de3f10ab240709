"""DFM: a linear model of whole-image features; an image far from it is suspicious.

Ahuja et al., Probabilistic Modeling of Deep Features for Out-of-Distribution and Adversarial Detection, 2019,
https://arxiv.org/abs/1909.11786. As there: features averaged over cells, principal components, and as score either what
they cannot express (residual) or how unlikely their values are under a Gaussian (likelihood).
Deviations: the paper scores images alone; here the residual of each cell makes a map, for both scores.
"""

import torch
from torch.nn import functional

from engine.backbones import Backbone
from engine.contract.events import Fitting
from engine.contract.jobs.detect import DetectJob
from engine.contract.models.dfm import DfmParams
from engine.datasets.loading import Batch
from engine.free_memory import require_memory
from engine.layers.blur import gaussian_blur
from engine.layers.patches import patch_levels, to_map
from engine.layers.pca import components_of_rows
from engine.layers.statistics import feature_sums
from engine.models import AnomalyModel, Prediction
from engine.report import Reporter

LEAST_VARIANCE = 1e-12  # of a component, relative to the largest: fewer digits than float32 tells apart


def build(spec: DetectJob, backbone: Backbone | None) -> "Dfm":
    assert isinstance(spec.model, DfmParams) and backbone is not None
    return Dfm(spec.model, backbone)


class Dfm(AnomalyModel):
    """B images of D features: those of all cells of all levels, one after the other. K components."""

    mean: torch.Tensor
    axes: torch.Tensor
    variances: torch.Tensor

    def __init__(self, params: DfmParams, backbone: Backbone):
        super().__init__()
        self.params = params
        self.backbone = backbone
        self.register_buffer("mean", torch.empty(0))  # (D,); D is known with the first image
        self.register_buffer("axes", torch.empty(0, 0))  # (D, K)
        self.register_buffer("variances", torch.empty(0))  # (K,)
        self._collected: list[torch.Tensor] = []

    @torch.no_grad()
    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Collect a batch's features."""
        features = torch.cat([level.flatten(1) for level in self._pooled(batch.images)], dim=1)  # (B, D)
        self._collected.append(features)
        return feature_sums(features, vectors=len(features))

    def bytes_collected(self) -> int:
        return sum(chunk.nbytes for chunk in self._collected)

    @torch.no_grad()
    def fit(self, report: Reporter) -> None:
        """The principal components of what was collected.

        Raises:
            MemoryError: their decomposition would not fit.
        """
        rows = torch.cat(self._collected)  # (N, D)
        self._collected = []
        count, size = rows.shape
        if not rows.is_cuda:  # a GPU refuses by itself
            require_memory(
                8 * (3 * count * size + 4 * min(count, size) ** 2),  # float64: the rows, their axes, the products
                what=f"the principal components of {count} images of {size} features",
                instead="raise pooling, take fewer layers or a smaller image_size",
            )
        report(Fitting(what="pca", done=0, total=1, bank_size=None))
        found = components_of_rows(rows, variance_kept=self.params.variance_kept)
        self.mean, self.axes, self.variances = found.mean, found.axes, found.variances
        report(Fitting(what="pca", done=1, total=1, bank_size=len(self.variances)))

    @torch.no_grad()
    def predict_step(self, batch: Batch) -> Prediction:
        levels = self._pooled(batch.images)
        centred = torch.cat([level.flatten(1) for level in levels], dim=1) - self.mean  # (B, D)
        values = centred @ self.axes  # (B, K)
        left_over = (centred - values @ self.axes.T).square()
        scores = left_over.sum(dim=1) if self.params.score == "residual" else self._unlikeliness(values)
        maps = gaussian_blur(self._map(left_over, levels, batch.images), sigma=self.params.blur_sigma)
        return Prediction(pred_score=scores, anomaly_map=maps)

    def _unlikeliness(self, values: torch.Tensor) -> torch.Tensor:
        """(B,): the negative logarithm of the Gaussian density of the components' values, without its constant 2 pi."""
        variances = torch.maximum(self.variances, LEAST_VARIANCE * self.variances.max()) if len(self.variances) else 1
        return 0.5 * (values.square() / variances + torch.as_tensor(variances).log()).sum(dim=1)

    def _map(self, left_over: torch.Tensor, levels: list[torch.Tensor], images: torch.Tensor) -> torch.Tensor:
        """(B, 1, H, W): the squared residual of each cell over the channels, summed over the levels."""
        parts = torch.split(left_over, [level[0].numel() for level in levels], dim=1)
        cells = [part.view(level.shape).sum(dim=1) for part, level in zip(parts, levels, strict=True)]  # (B, h, w) each
        return torch.stack([to_map(each, size=images.shape[-2:]) for each in cells]).sum(dim=0)

    def _pooled(self, images: torch.Tensor) -> list[torch.Tensor]:
        """The levels averaged over pooling x pooling cells; smaller cells at the edge where that does not go in."""
        assert self.backbone is not None
        size = self.params.pooling
        levels = patch_levels(self.backbone, images)
        return [functional.avg_pool2d(each, size, ceil_mode=True, count_include_pad=False) for each in levels]
