"""Subspace: what can be asked of it, and what it costs."""

from typing import Literal

from pydantic import Field

from engine.contract.models.detector import Cost, Work
from engine.contract.models.families import MemoryParams, components_cost
from engine.contract.models.fields import BlurSigma, Layers, LearnsOn, PatchSize, Scales


class SubspaceParams(MemoryParams):
    name: Literal["subspace"] = "subspace"
    title = "Subspace"
    rank = 5
    paper = "Lendering et al., SubspaceAD: Training-Free Few-Shot Anomaly Detection via Subspace Modeling, CVPR 2026, https://arxiv.org/abs/2602.23013"
    summary = "principal components of good patches; what they cannot express is suspicious. Needs few images, fits in seconds"
    default_backbone = "vit_base_patch14_dinov2"
    default_batch_size = 8
    default_image_size = 448
    blocks_of_twelve = (6, 7, 8, 9)
    good_with_few = True
    takes_augmentation = True

    layers: Layers = [2, 3]
    variance_kept: float = Field(
        default=0.9, gt=0, lt=1, description="share of the variance that the principal components keep"
    )
    patch_size: PatchSize = 3
    top_share: float = Field(
        default=0.01, gt=0, le=1, description="share of an image's highest patch scores that its score is the mean of"
    )
    blur_sigma: BlurSigma = 4.0
    scales: Scales = 2
    learns_on: LearnsOn = None

    def learning_at(self, work: Work) -> Cost:
        return components_cost(work, cells=self.cells(work))
