"""PatchCore: typical patches of good images in a memory bank, scored by the distance to the nearest.

Roth et al., Towards Total Recall in Industrial Anomaly Detection, CVPR 2022, https://arxiv.org/abs/2106.08265.
Deviations: the coreset is searched on the features themselves, not on a random projection of them (the lazy search is fast
enough, and exact); features are concatenated as they are, without the adaptive pooling of the authors' code to 1,024 values.
"""

import torch
from torch.nn import functional

from engine.backbones import Backbone
from engine.datasets.loading import Batch
from engine.events import Fitting
from engine.layers.blur import gaussian_blur
from engine.layers.coreset import greedy_coreset
from engine.layers.neighbours import nearest, nearest_k, squared_norms
from engine.layers.statistics import feature_sums
from engine.models import AnomalyModel, Prediction
from engine.params import PatchCoreParams
from engine.report import Eta, Reporter
from engine.spec import TrainSpec


def build(spec: TrainSpec, backbone: Backbone | None) -> "PatchCore":
    assert isinstance(spec.model, PatchCoreParams) and backbone is not None
    return PatchCore(spec.model, backbone, seed=spec.seed)


class PatchCore(AnomalyModel):
    """B images, C channels of all levels together, H x W cells of the finest level, M entries in the bank."""

    bank: torch.Tensor

    def __init__(self, params: PatchCoreParams, backbone: Backbone, *, seed: int = 0):
        super().__init__()
        self.params = params
        self.backbone = backbone
        self.seed = seed
        self.register_buffer("bank", torch.empty(0, sum(backbone.channels)))  # (M, C)
        self._collected: list[torch.Tensor] = []

    @torch.no_grad()
    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """Collect the patches of a batch."""
        patches = self._patches(batch.images).flatten(0, 2)  # (B * H * W, C)
        self._collected.append(patches)
        return feature_sums(patches, vectors=len(patches))

    def bytes_collected(self) -> int:
        return sum(chunk.nbytes for chunk in self._collected)

    @torch.no_grad()
    def fit(self, report: Reporter) -> None:
        """Thin what was collected to the memory bank."""
        patches = _joined(self._collected)
        size = max(1, round(self.params.coreset_ratio * len(patches)))
        eta = Eta(size)

        def progress(done: int, total: int) -> None:
            report(Fitting(what="coreset", done=done, total=total, bank_size=done, eta_s=eta(done)))

        first = int(torch.randint(len(patches), (1,), generator=torch.Generator().manual_seed(self.seed)))
        self.bank = patches[greedy_coreset(patches, size=size, first=first, progress=progress)]

    @torch.no_grad()
    def predict_step(self, batch: Batch) -> Prediction:
        patches = self._patches(batch.images)  # (B, H, W, C)
        count, height, width, channels = patches.shape
        norms = squared_norms(self.bank)
        distance, index = nearest(patches.reshape(-1, channels), self.bank, norms)
        distance, index = distance.view(count, -1), index.view(count, -1)  # (B, H * W)
        maps = distance.view(count, 1, height, width)
        maps = functional.interpolate(maps, size=batch.images.shape[-2:], mode="bilinear", align_corners=False)
        scores = self._image_scores(patches.flatten(1, 2), distance, index, norms)
        return Prediction(pred_score=scores, anomaly_map=gaussian_blur(maps, sigma=self.params.blur_sigma))

    def _patches(self, images: torch.Tensor) -> torch.Tensor:
        """Locally aware patch features (B, H, W, C): levels averaged over neighbouring cells, brought to the finest, joined."""
        assert self.backbone is not None
        size = self.params.patch_size
        # padded cells count as zeros in the mean, as in the authors' code
        levels = [functional.avg_pool2d(level, size, stride=1, padding=size // 2) for level in self.backbone(images)]
        finest = levels[0].shape[-2:]
        levels = [functional.interpolate(level, size=finest, mode="bilinear", align_corners=False) for level in levels]
        return torch.cat(levels, dim=1).permute(0, 2, 3, 1).contiguous()

    def _image_scores(
        self, patches: torch.Tensor, distance: torch.Tensor, index: torch.Tensor, norms: torch.Tensor
    ) -> torch.Tensor:
        """(B,): the largest patch distance, lowered where the entries around the nearest one are as near (equation 7)."""
        score, worst = distance.max(dim=1)
        if self.params.num_neighbours == 1:
            return score
        rows = torch.arange(len(worst), device=worst.device)
        patch = patches[rows, worst]  # (B, C)
        entry = self.bank[index[rows, worst]]  # (B, C), the nearest entry of each
        around = nearest_k(entry, self.bank, norms, k=self.params.num_neighbours)  # (B, k), itself first
        distances = torch.linalg.vector_norm(patch.unsqueeze(1) - self.bank[around], dim=2)  # (B, k)
        weight = 1 - torch.softmax(distances, dim=1)[:, 0]
        return weight * score if around.shape[1] > 1 else score


def _joined(chunks: list[torch.Tensor]) -> torch.Tensor:
    """All chunks as one tensor; each is let go as soon as it is copied, so memory holds them about once, not twice."""
    joined = torch.empty(sum(map(len, chunks)), chunks[0].shape[1], device=chunks[0].device)
    start = len(joined)
    while chunks:
        chunk = chunks.pop()
        start -= len(chunk)
        joined[start : start + len(chunk)] = chunk
    return joined
