"""Reverse Distillation: what can be asked of it, and what it costs."""

from typing import Literal

from pydantic import Field

from engine.contract.models.families import GradientParams
from engine.contract.models.fields import BlurSigma, Layers, LearningRate, Patience, WeightDecay


class ReverseDistillationParams(GradientParams):
    name: Literal["reverse_distillation"] = "reverse_distillation"
    title = "Reverse Distillation"
    rank = 3
    paper = "Deng and Li, Anomaly Detection via Reverse Distillation from One-Class Embedding, CVPR 2022, https://arxiv.org/abs/2201.10703"
    summary = "rebuilds the backbone's features from a narrow summary of them; strong and sharp after a medium training"
    default_backbone = "wide_resnet50_2"
    default_epochs = 200
    default_batch_size = 16
    blocks_of_twelve = (3, 6, 9)
    needs_gpu = True
    takes_augmentation = True
    passes_per_epoch = 8.0

    layers: Layers = [1, 2, 3]
    combine: Literal["add", "multiply"] = Field(
        default="add", description="how the maps of the levels are put together"
    )
    learning_rate: LearningRate = 5e-3
    weight_decay: WeightDecay = 0.0
    patience: Patience = 20
    blur_sigma: BlurSigma = 4.0
