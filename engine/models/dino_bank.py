"""DINO bank: transformer patches of good images in a memory, compared by their angle; on tiles, aware of the place if asked.

Damm et al., AnomalyDINO: Boosting Patch-based Few-shot Anomaly Detection with DINOv2, WACV 2025,
https://arxiv.org/abs/2405.14529. As there: the cosine distance to the nearest patch of a good image, the mean of the
highest as the image's score.
Deviations: several blocks count alike instead of the last alone; overlapping tiles are seen at full resolution; the place
can count; the memory is thinned by a coreset; the object is not cut out by its first principal component. A pyramid of
convolutions is taken too, its levels brought to one grid.
"""

from dataclasses import replace

import torch
from torch.nn import functional

from engine.backbones import Backbone
from engine.contract.jobs.detect import DetectJob
from engine.contract.models.dino_bank import DinoBankParams
from engine.datasets.loading import Batch
from engine.layers.blur import gaussian_blur
from engine.layers.memory_bank import MemoryBank
from engine.layers.neighbours import Neighbour
from engine.layers.patches import joined_chunks, mean_of_highest, on_one_grid, patch_levels, to_map
from engine.layers.statistics import feature_sums
from engine.layers.tiles import cut, stitch
from engine.models import AnomalyModel, Prediction
from engine.report import Reporter


def build(spec: DetectJob, backbone: Backbone | None) -> "DinoBank":
    assert isinstance(spec.model, DinoBankParams) and backbone is not None
    return DinoBank(spec.model, backbone, seed=spec.seed)


class DinoBank(AnomalyModel):
    """B images, D features of all levels, H x W cells of the whole image, M entries in the bank.

    Each level's feature is of length 1 / sqrt(levels); then half the squared distance of two patches is 1 minus the mean
    cosine over the levels. The place (y, x in [0, 1]) follows as two more features, times position_weight * sqrt(2): so it
    adds position_weight^2 times the squared distance in the image.
    """

    def __init__(self, params: DinoBankParams, backbone: Backbone, *, seed: int = 0):
        super().__init__()
        self.params = params
        self.backbone = backbone
        self.seed = seed
        self.bank = MemoryBank(sum(backbone.channels) + (2 if params.position_weight else 0))
        self._collected: list[torch.Tensor] = []
        self._grid = (0, 0)

    @torch.no_grad()
    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Collect the patches of a batch."""
        patches = self._patches(batch.images)  # (B, H, W, D)
        self._grid = (patches.shape[1], patches.shape[2])
        self._collected.append(patches.flatten(0, 2))
        return feature_sums(patches, vectors=len(self._collected[-1]))

    def bytes_collected(self) -> int:
        return sum(chunk.nbytes for chunk in self._collected)

    @torch.no_grad()
    def fit(self, report: Reporter) -> None:
        """Thin what was collected to the memory bank."""
        self.bank.learn(
            joined_chunks(self._collected),
            grid=self._grid,
            ratio=self.params.coreset_ratio,
            most=self.params.bank_limit,
            seed=self.seed,
            report=report,
            first_image=len(self.learnt_before),
        )

    @torch.no_grad()
    def predict_step(self, batch: Batch) -> Prediction:
        patches = self._patches(batch.images)
        values = self._distances(patches.flatten(0, 2)).view(patches.shape[:3])  # (B, H, W)
        return self._prediction(values, size=batch.images.shape[-2:])

    @torch.no_grad()
    def as_unseen(self, batch: Batch, numbers: list[int]) -> Prediction:
        """By the single nearest patch of another picture, however many neighbours count else."""
        patches = self._patches(batch.images)
        distance, _ = self.bank.nearest_elsewhere(patches.flatten(1, 2), numbers)
        return self._prediction(distance.square().view(patches.shape[:3]) / 2, size=batch.images.shape[-2:])

    def _prediction(self, values: torch.Tensor, *, size: torch.Size) -> Prediction:
        """From the distance of each patch, (B, H, W)."""
        scores = mean_of_highest(values, share=self.params.top_share)
        maps = to_map(values, size=size)
        return Prediction(pred_score=scores, anomaly_map=gaussian_blur(maps, sigma=self.params.blur_sigma))

    @torch.no_grad()
    def explain(self, batch: Batch, places: list[tuple[int, int, int]], *, k: int) -> list[list[Neighbour]] | None:
        found = self.bank.explain(self._patches(batch.images), places, size=batch.images.shape[-2:], k=k)
        return found and [[replace(each, distance=each.distance**2 / 2) for each in near] for near in found]

    def _distances(self, queries: torch.Tensor) -> torch.Tensor:
        """(Q,): the cosine distance to the nearest entry, or the mean of those to the nearest num_neighbours."""
        if self.params.num_neighbours == 1:
            return self.bank.nearest(queries)[0].square() / 2
        return (self.bank.nearest_k(queries, k=self.params.num_neighbours)[0].square() / 2).mean(dim=1)

    def _patches(self, images: torch.Tensor) -> torch.Tensor:
        """(B, H, W, D), see above."""
        assert self.backbone is not None
        tiles, overlap = self.params.tiles, self.params.tile_overlap
        cells = max(1, images.shape[-1] // self.backbone.strides[0])
        pieces = cut(images, tiles=tiles, overlap=overlap, cells=cells)
        levels = on_one_grid(patch_levels(self.backbone, pieces))
        levels = [stitch(level, tiles=tiles, overlap=overlap) for level in levels]
        levels = [functional.normalize(level, dim=1) / len(levels) ** 0.5 for level in levels]
        if self.params.position_weight:
            levels.append(self._places(levels[0]))
        return torch.cat(levels, dim=1).permute(0, 2, 3, 1).contiguous()

    def _places(self, level: torch.Tensor) -> torch.Tensor:
        """(B, 2, H, W): the weighted middle of each cell."""
        count, _, height, width = level.shape
        y = (torch.arange(height, device=level.device) + 0.5) / height
        x = (torch.arange(width, device=level.device) + 0.5) / width
        places = torch.stack(torch.meshgrid(y, x, indexing="ij")) * self.params.position_weight * 2**0.5
        return places.expand(count, 2, height, width)
