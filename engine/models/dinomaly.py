"""Dinomaly: a transformer decoder that rebuilds a frozen encoder's features, held loosely so that it cannot copy defects.

Guo et al., Dinomaly: The Less Is More Philosophy in Multi-Class Unsupervised Anomaly Detection, CVPR 2025,
https://arxiv.org/abs/2405.14325. A bottleneck with dropout, linear attention that cannot concentrate, groups of levels
compared instead of single ones, and a loss that forgets places already rebuilt well.

Deviations: the whole image is looked at, no rim is cropped off. A pyramid of convolutions, which the paper does not use,
has levels of different grids and widths: they are brought to the finest grid, each with vectors of unit length, and joined
to one target, which every group of the decoder rebuilds; above 768 channels the decoder works on a projection.

B images, h x w places, N = h * w tokens, D channels of a target.
"""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from engine.backbones import Backbone
from engine.contract.jobs.detect import DetectJob
from engine.contract.models.dinomaly import DinomalyParams
from engine.datasets.loading import Batch
from engine.layers.blur import gaussian_blur
from engine.layers.frozen_features import FrozenFeatures
from engine.layers.linear_attention import LinearAttentionBlock
from engine.layers.patches import mean_of_highest, on_one_grid, to_map
from engine.layers.stable_adamw import StableAdamW
from engine.models import AnomalyModel, Prediction
from engine.recipes import Recipe

HEAD_SIZE = 64
WIDEST = 768  # of a decoder for a pyramid of convolutions
LAST_RATE = 0.1  # of the learning rate, at the end of the training
INITIAL_STD = 0.01


def build(spec: DetectJob, backbone: Backbone | None) -> "Dinomaly":
    assert isinstance(spec.model, DinomalyParams) and backbone is not None
    return Dinomaly(spec.model, backbone)


class Dinomaly(AnomalyModel):
    """Score map: 1 - cosine between what is seen and what is rebuilt, averaged over the groups; 0 to 2.

    Raises:
        ValueError: there are more groups than levels of a transformer, or than decoder blocks.
    """

    steps: torch.Tensor

    def __init__(self, params: DinomalyParams, backbone: Backbone):
        super().__init__()
        self.params = params
        self.backbone: Backbone = backbone
        self.frozen_features: FrozenFeatures = FrozenFeatures(backbone)
        self.is_one_grid = len(set(backbone.strides)) == 1 and len(set(backbone.channels)) == 1
        _refuse_too_many_groups(params, backbone, levels=len(backbone.channels) if self.is_one_grid else None)
        size = backbone.channels[0] if self.is_one_grid else sum(backbone.channels)
        width = size if self.is_one_grid else min(size, WIDEST)
        heads = next(heads for heads in range(max(width // HEAD_SIZE, 1), 0, -1) if width % heads == 0)
        self.enter = nn.Identity() if width == size else nn.Linear(size, width)
        self.bottleneck = nn.Sequential(
            nn.Linear(width, 4 * width), nn.GELU(), nn.Dropout(params.dropout), nn.Linear(4 * width, width)
        )
        self.bottleneck.append(nn.Dropout(params.dropout))
        self.decoder = nn.ModuleList(LinearAttentionBlock(width, heads=heads) for _ in range(params.decoder_blocks))
        self.leave = nn.Identity() if width == size else nn.Linear(width, size)
        self.register_buffer("steps", torch.zeros(()))  # taken so far: places are damped more and more
        for layer in (
            *self.enter.modules(),
            *self.bottleneck.modules(),
            *self.decoder.modules(),
            *self.leave.modules(),
        ):
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=INITIAL_STD, a=-0.03, b=0.03)
                nn.init.zeros_(layer.bias)

    def recipe(self, *, epochs: int, steps_per_epoch: int) -> Recipe:
        params, steps = self.params, epochs * steps_per_epoch
        optimiser = StableAdamW(
            self.parameters_to_train(), lr=params.learning_rate, weight_decay=params.weight_decay, amsgrad=True
        )
        warmup = min(params.warmup_steps, steps // 10)  # a short training is not all warm-up

        def factor(step: int) -> float:
            if step < warmup:
                return (step + 1) / (warmup + 1)
            along = torch.pi * (step - warmup) / max(steps - warmup, 1)
            return LAST_RATE + (1 - LAST_RATE) * 0.5 * (1 + float(torch.cos(torch.tensor(along))))

        return Recipe(optimiser, torch.optim.lr_scheduler.LambdaLR(optimiser, factor), every="step", clip_norm=0.1)

    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        share = self.params.discard_share * (self.steps / self.params.discard_steps).clamp(max=1)
        self.steps += 1
        groups = self._groups(batch)
        return {"loss": torch.stack([loose_loss(*pair, share, self.params.discard_factor) for pair in groups]).mean()}

    @torch.no_grad()
    def validate_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        groups = self._groups(batch)
        return {"loss": torch.stack([_distance(*(side.flatten(1) for side in pair)).mean() for pair in groups]).mean()}

    @torch.no_grad()
    def predict_step(self, batch: Batch) -> Prediction:
        distances = torch.stack([_distance(*pair) for pair in self._groups(batch)]).mean(dim=0)  # (B, h, w)
        maps = gaussian_blur(to_map(distances, size=batch.images.shape[-2:]), sigma=self.params.blur_sigma)
        return Prediction(mean_of_highest(maps.squeeze(1), share=self.params.top_share), maps)

    def _groups(self, batch: Batch) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """What is seen and what is rebuilt of each group, both (B, h, w, D); groups of early levels first."""
        levels = [level.permute(0, 2, 3, 1) for level in self.frozen_features(batch)]  # (B, h, w, D)
        targets = self._averaged(levels) if self.is_one_grid else [_joined(levels)] * self.params.num_groups
        seen = torch.stack(levels).mean(dim=0) if self.is_one_grid else targets[0]
        count, height, width, _ = seen.shape
        tokens, rebuilt = self.bottleneck(self.enter(seen.flatten(1, 2))), []
        for block in self.decoder:
            tokens = block(tokens)
            rebuilt.append(tokens)
        # the first blocks rebuild the last levels
        averaged = [self.leave(group).view(count, height, width, -1) for group in self._averaged(rebuilt[::-1])]
        return list(zip(targets, averaged, strict=True))

    def _averaged(self, levels: list[torch.Tensor]) -> list[torch.Tensor]:
        """The mean of each group of neighbouring levels; groups as even as they can be."""
        groups, number = self.params.num_groups, len(levels)
        limits = [round(i * number / groups) for i in range(groups + 1)]
        return [torch.stack(levels[a:b]).mean(dim=0) for a, b in pairwise(limits)]


def loose_loss(seen: torch.Tensor, rebuilt: torch.Tensor, share: torch.Tensor, factor: float) -> torch.Tensor:
    """1 - cosine of whole images, a scalar; the gradient at the `share` best rebuilt places is multiplied by `factor`.

    seen and rebuilt (B, h, w, D); share a scalar tensor, 0 to below 1, that stays on its device.
    """
    with torch.no_grad():
        distances = _distance(seen, rebuilt)  # (B, h, w)
        ordered = distances.flatten().sort().values
        limit = ordered.gather(0, (share * len(ordered)).long().clamp(max=len(ordered) - 1).view(1))
        kept = torch.where(distances < limit, factor, 1.0).unsqueeze(3)
    damped = rebuilt * kept + (rebuilt * (1 - kept)).detach()  # the same values with another gradient
    return _distance(seen.flatten(1), damped.flatten(1)).mean()


def _distance(seen: torch.Tensor, rebuilt: torch.Tensor) -> torch.Tensor:
    return 1 - functional.cosine_similarity(seen, rebuilt, dim=-1)


def _joined(levels: list[torch.Tensor]) -> torch.Tensor:
    """(B, h, w, D) of a pyramid: unit vectors of each level on the finest grid, one after the other."""
    units = [functional.normalize(level, dim=3).permute(0, 3, 1, 2) for level in levels]
    return torch.cat(on_one_grid(units), dim=1).permute(0, 2, 3, 1)


def _refuse_too_many_groups(params: DinomalyParams, backbone: Backbone, *, levels: int | None) -> None:
    most = params.decoder_blocks if levels is None else min(params.decoder_blocks, levels)
    if params.num_groups > most:
        have = f"{params.decoder_blocks} decoder blocks" + ("" if levels is None else f" and {levels} layers")
        raise ValueError(f"num_groups is {params.num_groups}, but there are {have}; take at most {most}")
