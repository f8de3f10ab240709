"""Subspace: principal components of the patches of good images; what they cannot express is suspicious.

Lendering et al., SubspaceAD: Training-Free Few-Shot Anomaly Detection via Subspace Modeling, CVPR 2026,
https://arxiv.org/abs/2602.23013. As there: the mean of several blocks of a transformer, one set of components for all
places, the squared residual as the score of a patch, the mean of the highest of them as that of an image.
Deviations: a pyramid of convolutions is taken too, its levels averaged over patch_size x patch_size cells and joined; the
covariance is summed up as images pass by, in float64, so that any number of images fits; the few images are not rotated
here: `augmentation` does that for every model.
"""

import torch

from engine.backbones import Backbone
from engine.contract.events import Fitting
from engine.contract.jobs.detect import DetectJob
from engine.contract.models.subspace import SubspaceParams
from engine.datasets.loading import Batch
from engine.free_memory import require_memory
from engine.layers.blur import gaussian_blur
from engine.layers.patches import joined_patches, mean_of_highest, patch_levels, to_map
from engine.layers.pca import Components, Moments, components_of_moments, residual
from engine.layers.statistics import feature_sums
from engine.models import AnomalyModel, Prediction
from engine.report import Reporter


def build(spec: DetectJob, backbone: Backbone | None) -> "Subspace":
    assert isinstance(spec.model, SubspaceParams) and backbone is not None
    return Subspace(spec.model, backbone)


class Subspace(AnomalyModel):
    """B images, D channels, H x W cells of the finest level, K components.

    One that learns on from a finished model sums up the patches of that one, known by its components, with the new ones; they count at most as
    much as these, so that a new look is not lost among many old patches.
    """

    mean: torch.Tensor
    axes: torch.Tensor
    variances: torch.Tensor
    counted: torch.Tensor
    noise: torch.Tensor

    def __init__(self, params: SubspaceParams, backbone: Backbone):
        super().__init__()
        self.params = params
        self.backbone = backbone
        size = backbone.channels[0] if backbone.is_transformer else sum(backbone.channels)
        self.register_buffer("mean", torch.zeros(size))  # (D,)
        self.register_buffer("axes", torch.empty(size, 0))  # (D, K)
        self.register_buffer("variances", torch.empty(0))  # (K,) along them
        self.register_buffer("noise", torch.zeros(()))  # mean variance along the others
        self.register_buffer("counted", torch.zeros((), dtype=torch.int64))  # patches; 0 of models saved without it
        self._moments: Moments | None = None

    @torch.no_grad()
    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Add the patches of a batch to the sums."""
        patches = self._patches(batch.images).flatten(0, 2)  # (B * H * W, D)
        if self._moments is None:
            self._moments = self._no_moments(patches)
        self._moments.add(patches)
        return feature_sums(patches, vectors=len(patches))

    @torch.no_grad()
    def fit(self, report: Reporter) -> None:
        """The principal components of all that was added."""
        assert self._moments is not None, "nothing was collected"
        report(Fitting(what="pca", done=0, total=1, bank_size=None))
        if self.learnt_before:
            known = Components(self.mean, self.axes, self.variances, float(self.noise))
            self._moments.add_components(known, count=min(int(self.counted), self._moments.count))
        found = components_of_moments(self._moments, variance_kept=self.params.variance_kept)
        self.counted.fill_(self._moments.count)
        self._moments = None
        self.mean, self.axes, self.variances = found.mean, found.axes, found.variances
        self.noise.fill_(found.noise)
        report(Fitting(what="pca", done=1, total=1, bank_size=self.axes.shape[1]))

    @torch.no_grad()
    def predict_step(self, batch: Batch) -> Prediction:
        patches = self._patches(batch.images)  # (B, H, W, D)
        values = residual(patches.flatten(0, 2), self.mean, self.axes).view(patches.shape[:3])
        maps = to_map(values, size=batch.images.shape[-2:])
        scores = mean_of_highest(values, share=self.params.top_share)
        return Prediction(pred_score=scores, anomaly_map=gaussian_blur(maps, sigma=self.params.blur_sigma))

    def learn_on(self, remembered: list[str]) -> None:
        super().learn_on(remembered)
        if not self.counted:
            raise ValueError("it was saved without the variances that are needed to learn on from it: train it again")

    def of_this_version(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        if not {"axes", "mean"} <= set(state):
            return state
        return {name: getattr(self, name) for name in ("variances", "noise", "counted")} | state  # the first lacks them

    def _patches(self, images: torch.Tensor) -> torch.Tensor:
        """(B, H, W, D): the mean of a transformer's blocks, or the levels of a pyramid side by side."""
        assert self.backbone is not None
        levels = patch_levels(self.backbone, images)
        if self.backbone.is_transformer:
            return torch.stack(levels).mean(dim=0).permute(0, 2, 3, 1).contiguous()
        return joined_patches(levels, patch_size=self.params.patch_size)

    def _no_moments(self, patches: torch.Tensor) -> Moments:
        """Sums of nothing yet; refused where their decomposition would not fit."""
        size = patches.shape[1]
        if not patches.is_cuda:  # a GPU refuses by itself
            require_memory(
                4 * 8 * size * size,
                what=f"the principal components of {size} features",
                instead="take fewer layers or a smaller backbone",
            )
        return Moments(patches)
