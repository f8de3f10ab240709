"""PatchCore: what can be asked of it, and what it costs."""

from typing import Literal

from pydantic import Field

from engine.contract.models.detector import Cost, Work
from engine.contract.models.families import MemoryParams, bank_cost
from engine.contract.models.fields import BankLimit, BlurSigma, Layers, LearnsOn, PatchSize, Scales


class PatchCoreParams(MemoryParams):
    name: Literal["patchcore"] = "patchcore"
    title = "PatchCore"
    rank = 1
    first_choice = True
    paper = (
        "Roth et al., Towards Total Recall in Industrial Anomaly Detection, CVPR 2022, https://arxiv.org/abs/2106.08265"
    )
    summary = "keeps typical patches of good images and scores by distance to the nearest; strong first choice, trains in one pass"
    default_backbone = "wide_resnet50_2"
    blocks_of_twelve = (5, 8)
    takes_augmentation = True

    layers: Layers = [2, 3]
    coreset_ratio: float = Field(
        default=0.02, gt=0, le=1, description="share of the collected patches kept in the memory bank"
    )
    num_neighbours: int = Field(
        default=9, ge=1, le=50, description="nearest bank entries that weigh the image score; 1 is no weighting"
    )
    patch_size: PatchSize = 3
    blur_sigma: BlurSigma = 4.0
    scales: Scales = 2
    learns_on: LearnsOn = None
    bank_limit: BankLimit = 20000

    def learning_at(self, work: Work) -> Cost:
        return bank_cost(work, patches=work.fit * self.cells(work), ratio=self.coreset_ratio)
