"""DFM: what can be asked of it, and what it costs."""

from typing import Literal

from pydantic import Field

from engine.contract.models.detector import Cost, Work
from engine.contract.models.families import MemoryParams, components_cost
from engine.contract.models.fields import BlurSigma, Layers


class DfmParams(MemoryParams):
    name: Literal["dfm"] = "dfm"
    title = "DFM"
    rank = 4
    paper = "Ahuja et al., Probabilistic Modeling of Deep Features for Out-of-Distribution and Adversarial Detection, 2019, https://arxiv.org/abs/1909.11786"
    summary = "a linear model of whole-image features; very small and quick, coarse at showing where"
    default_backbone = "resnet50"
    blocks_of_twelve = (8,)

    layers: Layers = [3]
    pooling: int = Field(default=4, ge=1, le=16, description="side of the cells that features are averaged over first")
    variance_kept: float = Field(
        default=0.97, gt=0, lt=1, description="share of the variance that the principal components keep"
    )
    score: Literal["residual", "likelihood"] = Field(
        default="residual",
        description="residual: what the principal components cannot express; likelihood: how rare the components' values are",
    )
    blur_sigma: BlurSigma = 4.0

    def learning_at(self, work: Work) -> Cost:
        return components_cost(work, cells=self.cells(work))
