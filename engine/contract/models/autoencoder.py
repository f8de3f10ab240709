"""Autoencoder: what can be asked of it, and what it costs."""

from typing import Literal

from pydantic import Field

from engine.contract.models.families import GradientParams
from engine.contract.models.fields import BlurSigma, Patience, Schedule


class AutoencoderParams(GradientParams):
    name: Literal["autoencoder"] = "autoencoder"
    title = "Autoencoder"
    rank = 1
    paper = (
        "Bergmann et al., Improving Unsupervised Defect Segmentation by Applying Structural Similarity to Autoencoders, "
        "VISAPP 2019, https://arxiv.org/abs/1807.02011"
    )
    summary = "learns to redraw good images; what it cannot redraw is suspicious. A baseline that needs no pre-trained weights"
    default_epochs = 200
    default_image_size = 128
    default_batch_size = 32
    reconstructs = True
    needs_weights = False
    own_gmacs = 0.6
    takes_augmentation = True

    latent_channels: int = Field(default=100, ge=4, le=1024, description="size of the bottleneck")
    base_channels: int = Field(default=32, ge=4, le=128, description="channels of the first convolution")
    ssim_weight: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="share of the structural-similarity loss; the rest is the mean squared error",
    )
    learning_rate: float = Field(default=2e-4, gt=0, le=1, description="of Adam")
    weight_decay: float = Field(default=1e-5, ge=0, le=0.1, description="of Adam")
    schedule: Schedule = "none"
    patience: Patience = 20
    blur_sigma: BlurSigma = 2.0
