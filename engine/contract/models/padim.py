"""PaDiM: what can be asked of it, and what it costs."""

from typing import Literal

from pydantic import Field

from engine.contract.models.detector import Cost, Work
from engine.contract.models.families import MemoryParams
from engine.contract.models.fields import BlurSigma, Layers, Scales


class PadimParams(MemoryParams):
    name: Literal["padim"] = "padim"
    title = "PaDiM"
    rank = 2
    paper = "Defard et al., PaDiM: a Patch Distribution Modeling Framework, ICPR 2021, https://arxiv.org/abs/2011.08785"
    summary = "one Gaussian per image position; fast, small, best when every part lies in the same place"
    default_backbone = "resnet18"
    blocks_of_twelve = (3, 7, 11)
    good_with_few = True

    layers: Layers = [1, 2, 3]
    num_features: int = Field(
        default=100,
        ge=8,
        le=1000,
        description="randomly chosen feature channels; the paper takes 100 for resnet18, 550 for wide_resnet50_2",
    )
    regularisation: float = Field(default=0.01, gt=0, le=1, description="added to the diagonal of each covariance")
    blur_sigma: BlurSigma = 4.0
    scales: Scales = 2

    def learning_at(self, work: Work) -> Cost:
        """A covariance and its inverse for each place."""
        return Cost(seconds=self.cells(work) * self.num_features**2 * (work.fit + self.num_features) * 1e-10)
