"""CFlow: what can be asked of it, and what it costs."""

from typing import Literal

from pydantic import Field

from engine.contract.models.families import FlowParams
from engine.contract.models.fields import BlurSigma, Layers, LearningRate, Patience, WeightDecay


class CFlowParams(FlowParams):
    name: Literal["cflow"] = "cflow"
    title = "CFlow"
    rank = 2
    paper = "Gudovskiy et al., CFLOW-AD: Real-Time Unsupervised Anomaly Detection with Localization via Conditional Normalizing Flows, WACV 2022, https://arxiv.org/abs/2107.12571"
    summary = "likelihood of each patch given its place; sharp maps, slow to train without a GPU"
    default_backbone = "wide_resnet50_2"
    default_epochs = 50
    default_batch_size = 4
    blocks_of_twelve = (3, 7, 11)
    needs_gpu = True
    passes_per_epoch = 9.0

    layers: Layers = [2, 3, 4]
    coupling_blocks: int = Field(default=8, ge=1, le=32, description="coupling blocks per level")
    condition_size: int = Field(
        default=128, ge=8, le=512, multiple_of=4, description="length of the code that tells a patch's place"
    )
    hidden_ratio: float = Field(
        default=2.0, gt=0, le=4, description="width of the coupling networks, relative to their input"
    )
    clamp: float = Field(default=1.9, gt=0, le=10, description="bound of the log scale in a coupling block")
    patches_per_step: int = Field(default=4096, ge=64, le=65536, description="patches learnt from in one step")
    learning_rate: LearningRate = 5e-4
    weight_decay: WeightDecay = 0.0
    patience: Patience = 10
    blur_sigma: BlurSigma = 0.0
