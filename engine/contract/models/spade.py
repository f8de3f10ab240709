"""SPADE: what can be asked of it, and what it costs."""

from typing import Literal

from pydantic import Field

from engine.contract.models.detector import Cost, Work
from engine.contract.models.families import FEATURES, MemoryParams
from engine.contract.models.fields import BlurSigma, Layers, Neighbours


class SpadeParams(MemoryParams):
    name: Literal["spade"] = "spade"
    title = "SPADE"
    rank = 3
    paper = "Cohen and Hoshen, Sub-Image Anomaly Detection with Deep Pyramid Correspondences, 2020, https://arxiv.org/abs/2005.02357"
    summary = "compares with the most similar good images, place by place; nothing to tune, but keeps every feature"
    default_backbone = "wide_resnet50_2"
    blocks_of_twelve = (5, 8, 11)

    layers: Layers = [1, 2, 3]
    num_images: int = Field(
        default=50, ge=1, le=1000, description="most similar good images a picture is compared with"
    )
    num_neighbours: Neighbours = 1
    blur_sigma: BlurSigma = 4.0

    def learning_at(self, work: Work) -> Cost:
        """Each place of each image is compared with every place of the nearest good ones."""
        compared = min(self.num_images, work.fit) * self.cells(work) ** 2 * FEATURES / 4
        return Cost(gmacs=work.looked_at * compared / 1e9)
