"""Reverse distillation: a decoder gives back a teacher's features from a narrow summary of them.

Deng and Li, Anomaly Detection via Reverse Distillation from One-Class Embedding, CVPR 2022,
https://arxiv.org/abs/2201.10703. The frozen teacher's levels are fused and squeezed into a one-class embedding; a
decoder that mirrors the teacher learns to unfold it again, deepest level first. What good images do not have does not
pass the squeeze, so it cannot be given back.

The paper's networks are ResNets; here the same shape is built from the channels and strides of any backbone. For a
wide ResNet-50 it is the paper's but for the widths between the levels, which follow the teacher's. Deviations: narrow
backbones (ResNet-18, MobileNet, below 512 channels) get two basic blocks a level instead of bottlenecks. The loss
compares whole flattened maps, as the authors' code does; the paper's equation averages over places.

B batch, C channels, h and w a level's grid, H and W image size.
"""

import math

import torch
from torch import nn
from torch.nn import functional

from engine.backbones import Backbone
from engine.contract.jobs.detect import DetectJob
from engine.contract.models.reverse_distillation import ReverseDistillationParams
from engine.datasets.loading import Batch
from engine.layers.blur import gaussian_blur
from engine.layers.frozen_features import FrozenFeatures
from engine.layers.residual_blocks import Resize, halving, residual_level
from engine.models import AnomalyModel, Prediction
from engine.recipes import Recipe

DEPTHS = (3, 4, 6)  # bottlenecks of the decoder's levels, deepest first; the last number goes for all further levels
EMBEDDING_DEPTH = 3
BASIC_DEPTH = 2  # as in ResNet-18
BOTTLENECKS_FROM = 512  # channels of the deepest level


def build(spec: DetectJob, backbone: Backbone) -> "ReverseDistillation":
    assert isinstance(spec.model, ReverseDistillationParams)
    if spec.image_size // backbone.strides[-1] < 4:
        raise ValueError(
            f"image_size is {spec.image_size}: the deepest of layers {backbone.layers} has a grid of "
            f"{spec.image_size // backbone.strides[-1]} cells a side there, too few to be summarised (4 or more); "
            f"take image_size {4 * backbone.strides[-1]} or more, or lower layers"
        )
    return ReverseDistillation(spec.model, backbone)


class ReverseDistillation(AnomalyModel):
    """Frozen teacher (`backbone`), trainable embedding and decoder. Score map: how far off the features given back are."""

    def __init__(self, params: ReverseDistillationParams, backbone: Backbone):
        super().__init__()
        self.backbone: Backbone = backbone
        self.params = params
        self.frozen_features: FrozenFeatures = FrozenFeatures(backbone)
        self.embedding = Embedding(backbone.channels, backbone.strides)
        self.decoder = Decoder(backbone.channels, backbone.strides)

    def recipe(self, *, epochs: int, steps_per_epoch: int) -> Recipe:
        params = self.params
        return Recipe(
            torch.optim.Adam(
                self.parameters_to_train(),
                lr=params.learning_rate,
                betas=(0.5, 0.999),
                weight_decay=params.weight_decay,
            )
        )

    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        return {"loss": self._loss(batch)}

    @torch.no_grad()
    def validate_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        return {"loss": self._loss(batch)}

    @torch.no_grad()
    def predict_step(self, batch: Batch) -> Prediction:
        size = batch.images.shape[-2:]
        maps = []
        for teacher, given_back in self._pairs(batch):
            distance = 1 - functional.cosine_similarity(teacher, given_back, dim=1).unsqueeze(1)  # (B, 1, h, w), 0 to 2
            maps.append(functional.interpolate(distance, size=size, mode="bilinear", align_corners=False))
        stacked = torch.stack(maps)  # (levels, B, 1, H, W)
        score_map = stacked.sum(dim=0) if self.params.combine == "add" else stacked.prod(dim=0)
        score_map = gaussian_blur(score_map, sigma=self.params.blur_sigma)
        return Prediction(score_map.amax(dim=(1, 2, 3)), score_map)

    def _loss(self, batch: Batch) -> torch.Tensor:
        """One minus the cosine between whole flattened maps, mean over the batch, summed over the levels."""
        losses = [
            1 - functional.cosine_similarity(teacher.flatten(1), given_back.flatten(1), dim=1).mean()
            for teacher, given_back in self._pairs(batch)
        ]
        return torch.stack(losses).sum()

    def _pairs(self, batch: Batch) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """The teacher's level and what the decoder gives back of it, both (B, C, h, w), finest level first."""
        levels = self.frozen_features(batch)
        grids = [(level.shape[-2], level.shape[-1]) for level in levels]
        given_back: list[torch.Tensor] = self.decoder(self.embedding(levels), grids)
        return list(zip(levels, given_back, strict=True))


class Embedding(nn.Module):
    """The one-class embedding: all levels at the deepest one's grid, joined, and squeezed to half that grid."""

    def __init__(self, channels: list[int], strides: list[int]):
        super().__init__()
        self.descents = nn.ModuleList(_descent(channels[i:], strides[i:]) for i in range(len(channels)))
        joined = channels[-1] * len(channels)
        depth = EMBEDDING_DEPTH if _bottlenecks(channels) else BASIC_DEPTH
        self.squeeze = residual_level(
            joined, 2 * channels[-1], resize="halve", depth=depth, bottleneck=_bottlenecks(channels)
        )

    def forward(self, levels: list[torch.Tensor]) -> torch.Tensor:
        """One (B, C, h, w) per level -> (B, 2C, ceil(h / 2), ceil(w / 2)) with C, h, w of the deepest."""
        grid = levels[-1].shape[-2:]
        fused = [
            descent(level)[..., : grid[0], : grid[1]] for descent, level in zip(self.descents, levels, strict=True)
        ]
        embedded: torch.Tensor = self.squeeze(torch.cat(fused, dim=1))
        return embedded


class Decoder(nn.Module):
    """The teacher backwards: each level from the one below it, the deepest from the embedding."""

    def __init__(self, channels: list[int], strides: list[int]):
        super().__init__()
        self.levels = nn.ModuleList()
        before = 2 * channels[-1]
        for step, i in enumerate(reversed(range(len(channels)))):
            doublings = _halvings(strides[i], strides[i + 1]) if i + 1 < len(channels) else 1
            bottleneck = _bottlenecks(channels)
            depth = DEPTHS[min(step, len(DEPTHS) - 1)] if bottleneck else BASIC_DEPTH
            level = nn.Sequential()
            for _ in range(doublings - 1):  # layers were left out in between
                level.append(residual_level(before, before, resize="double", depth=1, bottleneck=bottleneck))
            resize: Resize = "double" if doublings else "keep"
            level.append(residual_level(before, channels[i], resize=resize, depth=depth, bottleneck=bottleneck))
            self.levels.append(level)
            before = channels[i]

    def forward(self, embedded: torch.Tensor, grids: list[tuple[int, int]]) -> list[torch.Tensor]:
        """The embedding -> one (B, C, h, w) per level, finest first; `grids` are the teacher's (h, w)."""
        given_back: list[torch.Tensor] = []
        for level, (height, width) in zip(self.levels, reversed(grids), strict=True):
            embedded = level(embedded)[..., :height, :width]  # an odd grid was rounded up when it was halved
            given_back.append(embedded)
        return given_back[::-1]


def _descent(channels: list[int], strides: list[int]) -> nn.Sequential:
    """From a level down to the deepest one through the widths of those in between: halving 3 x 3 convolutions."""
    descent = nn.Sequential()
    for i in range(1, len(channels)):
        halvings = _halvings(strides[i - 1], strides[i])
        for step in range(max(halvings, 1)):  # a transformer's levels share one grid: only the width changes
            stride = 2 if halvings else 1
            descent.append(halving(channels[i - 1] if step == 0 else channels[i], channels[i], stride=stride))
    return descent


def _halvings(stride: int, deeper: int) -> int:
    return round(math.log2(deeper / stride))


def _bottlenecks(channels: list[int]) -> bool:
    return channels[-1] >= BOTTLENECKS_FROM
