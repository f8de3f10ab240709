"""DINO bank: what can be asked of it, and what it costs."""

from typing import Literal

from pydantic import Field

from engine.contract.models.detector import Cost, Work
from engine.contract.models.families import MemoryParams, bank_cost
from engine.contract.models.fields import BankLimit, BlurSigma, Layers, LearnsOn, Neighbours, Scales


class DinoBankParams(MemoryParams):
    name: Literal["dino_bank"] = "dino_bank"
    title = "DINO bank"
    rank = 6
    paper = "Damm et al., AnomalyDINO: Boosting Patch-based Few-shot Anomaly Detection with DINOv2, WACV 2025, https://arxiv.org/abs/2405.14529"
    summary = "memory of transformer patches from several blocks, aware of position, on overlapping tiles; strong with few images"
    default_backbone = "vit_small_patch14_dinov2"
    default_batch_size = 8
    default_image_size = 448
    blocks_of_twelve = (5, 8, 11)
    takes_augmentation = True

    layers: Layers = [2, 3]
    coreset_ratio: float = Field(
        default=0.1, gt=0, le=1, description="share of the collected patches kept in the memory bank"
    )
    num_neighbours: Neighbours = 1
    position_weight: float = Field(
        default=0.0,
        ge=0,
        le=10,
        description="how much the place counts beside the look; 0 compares with patches of any place, for parts that always lie alike take 0.2 or more",
    )
    tiles: int = Field(
        default=1,
        ge=1,
        le=6,
        description="tiles along each side, seen one by one at full backbone resolution; 1 is the whole image",
    )
    tile_overlap: float = Field(
        default=0.25, ge=0, le=0.5, description="share of a tile that it has in common with the next"
    )
    top_share: float = Field(
        default=0.01, gt=0, le=1, description="share of an image's highest patch scores that its score is the mean of"
    )
    blur_sigma: BlurSigma = 4.0
    scales: Scales = 2
    learns_on: LearnsOn = None
    bank_limit: BankLimit = 20000

    def forward_gmacs(self, work: Work) -> float:
        return super().forward_gmacs(work) * self.tiles**2

    def cells(self, work: Work) -> float:
        return super().cells(work) * self.tiles**2

    def learning_at(self, work: Work) -> Cost:
        return bank_cost(work, patches=work.fit * self.cells(work), ratio=self.coreset_ratio)
