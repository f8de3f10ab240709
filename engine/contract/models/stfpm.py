"""STFPM: what can be asked of it, and what it costs."""

from typing import Literal

from pydantic import Field

from engine.contract.models.families import GradientParams
from engine.contract.models.fields import BlurSigma, Layers, Patience, Schedule


class StfpmParams(GradientParams):
    name: Literal["stfpm"] = "stfpm"
    title = "STFPM"
    rank = 2
    paper = "Wang et al., Student-Teacher Feature Pyramid Matching for Anomaly Detection, BMVC 2021, https://arxiv.org/abs/2103.04257"
    summary = "a student network imitates a pre-trained teacher on good images; where it fails to, something is new"
    default_backbone = "resnet18"
    default_epochs = 100
    blocks_of_twelve = (3, 7, 11)
    takes_style_mixing = False
    takes_augmentation = True

    layers: Layers = [1, 2, 3]
    learning_rate: float = Field(default=0.4, gt=0, le=10, description="of SGD")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="of SGD")
    weight_decay: float = Field(default=1e-4, ge=0, le=0.1, description="of SGD")
    schedule: Schedule = "none"
    patience: Patience = 10
    blur_sigma: BlurSigma = 0.0
