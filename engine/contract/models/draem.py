"""DRAEM: what can be asked of it, and what it costs."""

from typing import Literal

from pydantic import Field

from engine.contract.models.families import GradientParams
from engine.contract.models.fields import BlurSigma, LearningRate, Patience, TextureFolder, WeightDecay


class DraemParams(GradientParams):
    name: Literal["draem"] = "draem"
    title = "DRAEM"
    rank = 7
    paper = "Zavrtanik et al., DRAEM: A Discriminatively Trained Reconstruction Embedding for Surface Anomaly Detection, ICCV 2021, https://arxiv.org/abs/2108.07610"
    summary = "learns to repair and to mark synthetic defects; needs no pre-trained weights, but a long training"
    default_epochs = 700
    default_batch_size = 8
    reconstructs = True
    needs_weights = False
    own_gmacs = 85.0
    needs_gpu = True

    base_channels: int = Field(default=128, ge=8, le=256, description="channels of the repairing network's first level")
    marking_channels: int = Field(default=64, ge=8, le=128, description="channels of the marking network's first level")
    ssim_weight: float = Field(
        default=1.0, ge=0, le=10, description="weight of the structural-similarity loss beside the squared error"
    )
    focal_gamma: float = Field(default=2.0, ge=0, le=5, description="how much the marking loss leans to hard pixels")
    defect_share: float = Field(
        default=0.5, ge=0.1, le=1, description="share of the training images that get a synthetic defect"
    )
    texture_folder: TextureFolder = None
    learning_rate: LearningRate = 1e-4
    weight_decay: WeightDecay = 0.0
    patience: Patience = 0
    blur_sigma: BlurSigma = 0.0
