"""FastFlow: what can be asked of it, and what it costs."""

from typing import Literal

from pydantic import Field

from engine.contract.models.families import FlowParams
from engine.contract.models.fields import BlurSigma, Layers, Patience


class FastFlowParams(FlowParams):
    name: Literal["fastflow"] = "fastflow"
    title = "FastFlow"
    rank = 1
    paper = "Yu et al., FastFlow: Unsupervised Anomaly Detection and Localization via 2D Normalizing Flows, 2021, https://arxiv.org/abs/2111.07677"
    summary = "learns the likelihood of features of good images; quick at inspection, slow to train without a GPU"
    default_backbone = "resnet18"
    default_epochs = 500
    blocks_of_twelve = (7,)
    needs_gpu = True
    fast = True
    passes_per_epoch = 4.0

    layers: Layers = [1, 2, 3]
    flow_steps: int = Field(default=8, ge=1, le=32, description="coupling blocks per level")
    hidden_ratio: float = Field(
        default=1.0, gt=0, le=4, description="width of the coupling networks, relative to their input"
    )
    conv3x3_only: bool = Field(default=False, description="3x3 convolutions throughout, instead of 3x3 and 1x1 in turn")
    clamp: float = Field(default=2.0, gt=0, le=10, description="bound of the log scale in a coupling block")
    learning_rate: float = Field(default=1e-3, gt=0, le=1, description="of Adam")
    weight_decay: float = Field(default=1e-5, ge=0, le=0.1, description="of Adam")
    patience: Patience = 50
    blur_sigma: BlurSigma = 0.0
