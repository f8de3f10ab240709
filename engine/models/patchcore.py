"""PatchCore: typical patches of good images in a memory bank, scored by the distance to the nearest.

Roth et al., Towards Total Recall in Industrial Anomaly Detection, CVPR 2022, https://arxiv.org/abs/2106.08265.
Deviations: the coreset is searched on the features themselves, not on a random projection of them (the lazy search is fast
enough, and exact); features are concatenated as they are, without the adaptive pooling of the authors' code to 1,024 values.
"""

import torch

from engine.backbones import Backbone
from engine.contract.jobs.detect import DetectJob
from engine.contract.models.patchcore import PatchCoreParams
from engine.datasets.loading import Batch
from engine.layers.blur import gaussian_blur
from engine.layers.memory_bank import MemoryBank
from engine.layers.neighbours import Neighbour
from engine.layers.patches import joined_chunks, joined_patches, patch_levels, to_map
from engine.layers.statistics import feature_sums
from engine.models import AnomalyModel, Prediction
from engine.report import Reporter


def build(spec: DetectJob, backbone: Backbone | None) -> "PatchCore":
    assert isinstance(spec.model, PatchCoreParams) and backbone is not None
    return PatchCore(spec.model, backbone, seed=spec.seed)


class PatchCore(AnomalyModel):
    """B images, C channels of all levels together, H x W cells of the finest level, M entries in the bank."""

    def __init__(self, params: PatchCoreParams, backbone: Backbone, *, seed: int = 0):
        super().__init__()
        self.params = params
        self.backbone = backbone
        self.seed = seed
        self.bank = MemoryBank(sum(backbone.channels))
        self._collected: list[torch.Tensor] = []
        self._grid = (0, 0)

    @torch.no_grad()
    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Collect the patches of a batch."""
        patches = self._patches(batch.images)  # (B, H, W, C)
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
        return self._prediction(patches, *self.bank.nearest(patches.flatten(0, 2)), size=batch.images.shape[-2:])

    @torch.no_grad()
    def as_unseen(self, batch: Batch, numbers: list[int]) -> Prediction:
        patches = self._patches(batch.images)
        nearest = self.bank.nearest_elsewhere(patches.flatten(1, 2), numbers)
        return self._prediction(patches, *nearest, size=batch.images.shape[-2:])

    @torch.no_grad()
    def explain(self, batch: Batch, places: list[tuple[int, int, int]], *, k: int) -> list[list[Neighbour]] | None:
        return self.bank.explain(self._patches(batch.images), places, size=batch.images.shape[-2:], k=k)

    def _prediction(
        self, patches: torch.Tensor, distance: torch.Tensor, index: torch.Tensor, *, size: torch.Size
    ) -> Prediction:
        """From patches (B, H, W, C), the distance of each to the nearest entry and that entry's index, (B * H * W,)."""
        distance, index = distance.view(patches.shape[:3]), index.view(patches.shape[:3])  # (B, H, W)
        scores = self._image_scores(patches.flatten(1, 2), distance.flatten(1), index.flatten(1))
        maps = to_map(distance, size=size)
        return Prediction(pred_score=scores, anomaly_map=gaussian_blur(maps, sigma=self.params.blur_sigma))

    def of_this_version(self, state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        if set(state) == {"bank"}:  # of the first version, which did not keep where patches come from
            return {"bank.patches": state["bank"], "bank.sources": torch.empty(0, 3, dtype=torch.int32)}
        return state

    def _patches(self, images: torch.Tensor) -> torch.Tensor:
        """Locally aware patch features (B, H, W, C)."""
        assert self.backbone is not None
        return joined_patches(patch_levels(self.backbone, images), patch_size=self.params.patch_size)

    def _image_scores(self, patches: torch.Tensor, distance: torch.Tensor, index: torch.Tensor) -> torch.Tensor:
        """(B,): the largest patch distance, lowered where the entries around the nearest one are as near (equation 7)."""
        score, worst = distance.max(dim=1)
        if self.params.num_neighbours == 1 or len(self.bank) == 1:
            return score
        rows = torch.arange(worst.shape[0], device=worst.device)
        patch = patches[rows, worst]  # (B, C)
        entry = self.bank.patches[index[rows, worst]]  # (B, C), the nearest entry of each
        _, around = self.bank.nearest_k(entry, k=self.params.num_neighbours)  # (B, k), itself first
        distances = torch.linalg.vector_norm(patch.unsqueeze(1) - self.bank.patches[around], dim=2)  # (B, k)
        return (1 - torch.softmax(distances, dim=1)[:, 0]) * score
