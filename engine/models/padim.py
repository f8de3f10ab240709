"""PaDiM: one Gaussian of the features at each position of the image, scored by the Mahalanobis distance.

Defard et al., PaDiM: a Patch Distribution Modeling Framework, ICPR 2021, https://arxiv.org/abs/2011.08785.
Means and covariances are summed up as images pass by; no features are kept, so memory does not grow with the images.
"""

import torch
from torch.nn import functional

from engine.backbones import Backbone
from engine.contract.events import Fitting
from engine.contract.jobs.detect import DetectJob
from engine.contract.models.padim import PadimParams
from engine.datasets.loading import Batch
from engine.free_memory import require_memory
from engine.layers.blur import gaussian_blur
from engine.layers.patches import patch_levels
from engine.layers.statistics import feature_sums
from engine.models import AnomalyModel, Prediction
from engine.report import Eta, Reporter

POSITIONS_AT_ONCE = 256


def build(spec: DetectJob, backbone: Backbone | None) -> "Padim":
    assert isinstance(spec.model, PadimParams) and backbone is not None
    return Padim(spec.model, backbone, seed=spec.seed)


class Padim(AnomalyModel):
    """B images, D chosen channels, P = H x W positions of the finest level.

    Score map: the distance, enlarged and smoothed; the image's score is its largest value.
    """

    channels: torch.Tensor
    mean: torch.Tensor
    factor: torch.Tensor
    inverse: torch.Tensor

    def __init__(self, params: PadimParams, backbone: Backbone, *, seed: int = 0):
        super().__init__()
        self.params = params
        self.backbone = backbone
        every = sum(backbone.channels)
        chosen = torch.randperm(every, generator=torch.Generator().manual_seed(seed))[: params.num_features]
        self.register_buffer("channels", chosen.sort().values)  # (D,); all of them where the backbone has fewer
        self.register_buffer("mean", torch.empty(0, len(chosen)))  # (P, D)
        self.register_buffer("factor", torch.empty(0, len(chosen), len(chosen)))  # (P, D, D) Cholesky factor, lower
        self._sums: Sums | None = None

    @torch.no_grad()
    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Add a batch to the sums."""
        features, _ = self._features(batch.images)  # (P, B, D)
        if self._sums is None:
            self._sums = Sums(features)
        self._sums.add(features)
        return feature_sums(features, vectors=features.shape[0] * features.shape[1])

    @torch.no_grad()
    def fit(self, report: Reporter) -> None:
        """Mean and Cholesky factor of the covariance at each position.

        Raises:
            FloatingPointError: a covariance is not positive definite in float32.
        """
        assert self._sums is not None, "nothing was collected"
        self.mean, covariance = self._sums.mean(), self._sums.covariance()
        self._sums = None
        self.factor = factorise(covariance, regularisation=self.params.regularisation, report=report)

    @torch.no_grad()
    def predict_step(self, batch: Batch) -> Prediction:
        features, (height, width) = self._features(batch.images)  # (P, B, D)
        centred = (features - self.mean.unsqueeze(1)).transpose(1, 2)  # (P, D, B)
        if torch.compiler.is_exporting():
            whitened = self.inverse @ centred
        else:
            whitened = torch.linalg.solve_triangular(self.factor, centred, upper=False)
        distance = torch.linalg.vector_norm(whitened, dim=1)  # (P, B)
        maps = distance.T.reshape(-1, 1, height, width)
        maps = functional.interpolate(maps, size=batch.images.shape[-2:], mode="bilinear", align_corners=False)
        maps = gaussian_blur(maps, sigma=self.params.blur_sigma)
        return Prediction(pred_score=maps.amax(dim=(1, 2, 3)), anomaly_map=maps)

    @torch.no_grad()
    def prepare_export(self) -> None:
        """The inverse of the factor, for products: runtimes solve no systems. The factor is not needed beside it."""
        identity = torch.eye(self.factor.shape[1], device=self.factor.device).expand_as(self.factor)
        self.register_buffer(
            "inverse", torch.linalg.solve_triangular(self.factor, identity, upper=False), persistent=False
        )
        self.factor = self.factor.new_empty(0)

    def state_to_save(self) -> dict[str, torch.Tensor]:
        """The lower triangles alone: half the size."""
        state = super().state_to_save()
        rows, columns = torch.tril_indices(self.factor.shape[1], self.factor.shape[1], device=self.factor.device)
        return {**state, "factor": state["factor"][:, rows, columns]}

    def load_saved(self, state: dict[str, torch.Tensor]) -> None:
        if not {"mean", "factor"} <= set(state):
            return super().load_saved(state)  # it says what is missing
        mean, triangles = state["mean"], state["factor"]
        factor = triangles.new_zeros(*mean.shape, mean.shape[1])
        rows, columns = torch.tril_indices(mean.shape[1], mean.shape[1])
        factor[:, rows, columns] = triangles
        super().load_saved({**state, "factor": factor})

    def _features(self, images: torch.Tensor) -> tuple[torch.Tensor, tuple[int, int]]:
        """The chosen channels (P, B, D), and H and W of the finest level."""
        assert self.backbone is not None
        levels = patch_levels(self.backbone, images)
        height, width = levels[0].shape[-2:]
        if torch.compiler.is_exporting():
            every = [functional.interpolate(level, size=(height, width), mode="nearest") for level in levels]
            return torch.cat(every, dim=1)[:, self.channels].flatten(2).permute(2, 0, 1), (height, width)
        chosen, start = [], 0
        for level in levels:  # choose first, enlarge then: less to enlarge
            own = self.channels[(self.channels >= start) & (self.channels < start + level.shape[1])] - start
            if len(own):  # few chosen channels may all lie on other levels
                chosen.append(functional.interpolate(level[:, own], size=(height, width), mode="nearest"))
            start += level.shape[1]
        return torch.cat(chosen, dim=1).flatten(2).permute(2, 0, 1).contiguous(), (height, width)


def factorise(covariance: torch.Tensor, *, regularisation: float, report: Reporter) -> torch.Tensor:
    """The lower Cholesky factors of covariances (P, D, D) with `regularisation` added to their diagonals, in their place.

    Raises:
        FloatingPointError: one is not positive definite in float32.
    """
    eta = Eta(len(covariance))
    for start in range(0, len(covariance), POSITIONS_AT_ONCE):
        part = covariance[start : start + POSITIONS_AT_ONCE]
        part.diagonal(dim1=1, dim2=2).add_(regularisation)
        factor, failed = torch.linalg.cholesky_ex(part)  # failed (positions,): 0 where it went well
        if failed.any():
            raise FloatingPointError(
                f"a covariance cannot be inverted with regularisation {regularisation:g}: it is lost in "
                "the rounding of these features; raise regularisation, up to 1"
            )
        part.copy_(factor)
        done = start + len(part)
        report(Fitting(what="covariance", done=done, total=len(covariance), bank_size=None, eta_s=eta(done)))
    return covariance


class Sums:
    """Count, sum and outer products at each position. Features are taken relative to the first batch's mean: then the sums
    stay small, and float32 is exact enough for the covariance."""

    def __init__(self, features: torch.Tensor):
        positions, _, size = features.shape
        if not features.is_cuda:  # a GPU refuses by itself
            require_memory(
                2 * 4 * positions * size * size,
                what=f"the covariances at {positions} positions of {size} features",
                instead="take fewer num_features or a smaller image_size",
            )
        self.count = 0
        self.shift = features.mean(dim=1, keepdim=True)  # (P, 1, D)
        self.sum = features.new_zeros(positions, size)
        self.outer = features.new_zeros(positions, size, size)

    def add(self, features: torch.Tensor) -> None:
        relative = features - self.shift  # (P, B, D)
        self.count += features.shape[1]
        self.sum += relative.sum(dim=1)
        self.outer.baddbmm_(relative.transpose(1, 2), relative)

    def mean(self) -> torch.Tensor:
        return self.shift.squeeze(1) + self.sum / self.count

    def covariance(self) -> torch.Tensor:
        """(P, D, D), in place of the outer products."""
        offset = (self.sum / self.count).unsqueeze(2)  # (P, D, 1)
        self.outer.baddbmm_(offset, offset.transpose(1, 2), alpha=-self.count)
        return self.outer.div_(max(self.count - 1, 1))
