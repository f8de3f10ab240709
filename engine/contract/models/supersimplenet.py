"""SuperSimpleNet: what can be asked of it, and what it costs."""

from typing import Literal

from pydantic import Field

from engine.contract.models.detector import Work
from engine.contract.models.families import GradientParams
from engine.contract.models.fields import BlurSigma, Layers, LearningRate, PatchSize, Patience, WeightDecay


class SuperSimpleNetParams(GradientParams):
    name: Literal["supersimplenet"] = "supersimplenet"
    title = "SuperSimpleNet"
    rank = 5
    paper = "Rolih et al., SuperSimpleNet: Unifying Unsupervised and Supervised Learning for Fast and Reliable Surface Defect Detection, ICPR 2024, https://arxiv.org/abs/2408.03143"
    summary = (
        "learns from noise laid over the features, and from labelled defects where there are some; quick and accurate"
    )
    default_backbone = "wide_resnet50_2"
    default_epochs = 300
    default_batch_size = 32
    blocks_of_twelve = (5, 8)
    takes_augmentation = True
    passes_per_epoch = 6.0

    layers: Layers = [2, 3]
    labelled_share: float = Field(
        default=0.0,
        ge=0,
        le=0.8,
        description="share of each defect type's labelled images that is learnt from and no longer tested with; 0 learns from good images alone",
    )
    upscale: Literal[1, 2] = Field(
        default=2,
        description="how much the grid of the finest level is enlarged: 2 marks finer, 1 learns four times as fast",
    )
    noise_std: float = Field(
        default=0.12,
        gt=0,
        le=1,
        description="strength of the noise laid over features, as a share of their own deviation",
    )
    perlin_threshold: float = Field(
        default=0.2, ge=0, le=1, description="height above which Perlin noise counts as defect; lower marks more"
    )
    patch_size: PatchSize = 3
    learning_rate: LearningRate = 2e-4
    adaptor_learning_rate: LearningRate = 1e-4
    weight_decay: WeightDecay = 1e-5
    patience: Patience = 0
    blur_sigma: BlurSigma = 4.0

    def forward_gmacs(self, work: Work) -> float:
        """The adaptor and the head look at every cell of the enlarged grid, which outweighs the backbone."""
        return super().forward_gmacs(work) * (1 + 0.5 * self.upscale**2)

    @property
    def learns_labelled(self) -> float:
        return self.labelled_share
