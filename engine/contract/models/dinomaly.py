"""Dinomaly: what can be asked of it, and what it costs."""

from typing import Literal

from pydantic import Field, model_validator

from engine.contract.models.families import GradientParams
from engine.contract.models.fields import BlurSigma, Layers, LearningRate, Patience, WeightDecay


class DinomalyParams(GradientParams):
    name: Literal["dinomaly"] = "dinomaly"
    title = "Dinomaly"
    rank = 6
    paper = "Guo et al., Dinomaly: The Less Is More Philosophy in Multi-Class Unsupervised Anomaly Detection, CVPR 2025, https://arxiv.org/abs/2405.14325"
    summary = (
        "a transformer decoder rebuilds DINOv2 features; the most accurate where its weights and a GPU are at hand"
    )
    default_backbone = "vit_base_patch14_reg4_dinov2"
    default_epochs = 400
    default_batch_size = 16
    default_image_size = 448
    blocks_of_twelve = (2, 3, 4, 5, 6, 7, 8, 9)
    needs_gpu = True
    takes_augmentation = True

    layers: Layers = [2, 3]
    decoder_blocks: int = Field(default=8, ge=1, le=16, description="linear-attention blocks of the decoder")
    num_groups: int = Field(
        default=2, ge=1, le=8, description="groups that the levels are averaged in before they are compared"
    )
    dropout: float = Field(default=0.2, ge=0, lt=1, description="noise of the bottleneck")
    discard_share: float = Field(
        default=0.9, ge=0, lt=1, description="share of well-rebuilt places whose gradient is damped in the end"
    )
    discard_steps: int = Field(default=1000, ge=1, le=100000, description="steps until that share is reached")
    discard_factor: float = Field(default=0.1, ge=0, le=1, description="what is left of the gradient at those places")
    top_share: float = Field(
        default=0.01, gt=0, le=1, description="share of an image's highest pixel scores that its score is the mean of"
    )
    learning_rate: LearningRate = 2e-3
    weight_decay: WeightDecay = 1e-4
    warmup_steps: int = Field(default=100, ge=0, le=10000, description="steps in which the learning rate rises")
    patience: Patience = 0
    blur_sigma: BlurSigma = 4.0

    @model_validator(mode="after")
    def refuse_more_groups_than_blocks(self) -> "DinomalyParams":
        if self.num_groups > self.decoder_blocks:
            raise ValueError(
                f"num_groups is {self.num_groups}, but there are {self.decoder_blocks} decoder blocks; "
                f"take at most {self.decoder_blocks}"
            )
        return self
