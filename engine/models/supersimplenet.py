"""SuperSimpleNet: two small heads that learn from noise laid over features, and from labelled defects where there are some.

Rolih et al., SuperSimpleNet: Unifying Unsupervised and Supervised Learning for Fast and Reliable Surface Defect
Detection, ICPR 2024, https://arxiv.org/abs/2408.03143, and No Label Left Behind: A Unified Surface Defect Detection Model
for all Supervision Regimes, Journal of Intelligent Manufacturing 2025, https://arxiv.org/abs/2508.19060 (defects that are
labelled but not marked).

Every image is learnt from twice: as it is, and with Gaussian noise where Perlin noise is high. A defective image whose
mask is missing teaches the classification head alone.

Deviations: noise lies over every second copy, none over the first, where the paper draws by lot; marked defects weigh the
same everywhere, not less towards their rim; the score is the logit, since a probability rounds to 1. Each level is divided by
its deviation over the good training images, so that `noise_std` means the same with every backbone; the paper's 0.015 is an
absolute number for one backbone.

B images, C channels of all levels together, h x w places of the enlarged grid.
"""

import zlib

import torch
from torch import nn
from torch.nn import functional

from engine.backbones import Backbone
from engine.contract.events import Fitting
from engine.contract.jobs.detect import DetectJob
from engine.contract.models.supersimplenet import SuperSimpleNetParams
from engine.datasets.loading import Batch, Loader
from engine.layers.blur import gaussian_blur
from engine.layers.frozen_features import FrozenFeatures
from engine.layers.patches import to_map
from engine.layers.perlin import perlin_noise
from engine.models import AnomalyModel, Prediction
from engine.recipes import Recipe
from engine.report import Reporter

HIDDEN = 128  # channels of the classification head
MARGIN = 0.5  # scores beyond it on the right side are no longer learnt from
FOCAL_GAMMA = 4.0


def build(spec: DetectJob, backbone: Backbone | None) -> "SuperSimpleNet":
    assert isinstance(spec.model, SuperSimpleNetParams) and backbone is not None
    return SuperSimpleNet(spec.model, backbone)


class SuperSimpleNet(AnomalyModel):
    """Score map: the segmentation head's logits. Score: the classification head's logit; above 0 is more likely defective."""

    deviations: torch.Tensor

    def __init__(self, params: SuperSimpleNetParams, backbone: Backbone):
        super().__init__()
        self.params = params
        self.backbone: Backbone = backbone
        self.frozen_features: FrozenFeatures = FrozenFeatures(backbone)
        self.register_buffer("deviations", torch.ones(len(backbone.channels)))  # one of each level
        channels = sum(backbone.channels)
        self.adaptor = nn.Conv2d(channels, channels, 1)
        self.marking = nn.Sequential(
            nn.Conv2d(channels, channels, 1), nn.BatchNorm2d(channels), nn.ReLU(), nn.Conv2d(channels, 1, 1, bias=False)
        )
        self.judging = nn.Sequential(nn.Conv2d(channels + 1, HIDDEN, 5, padding=2), nn.BatchNorm2d(HIDDEN), nn.ReLU())
        self.verdict = nn.Linear(2 * HIDDEN + 2, 1)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d | nn.Linear) and layer.weight.requires_grad:
                nn.init.xavier_normal_(layer.weight)

    def recipe(self, *, epochs: int, steps_per_epoch: int) -> Recipe:
        params = self.params
        heads = [*self.marking.parameters(), *self.judging.parameters(), *self.verdict.parameters()]
        optimiser = torch.optim.AdamW(
            [
                {"params": heads, "lr": params.learning_rate},
                {"params": [*self.adaptor.parameters()], "lr": params.adaptor_learning_rate},
            ],
            weight_decay=params.weight_decay,
        )
        milestones = [round(0.8 * epochs), round(0.9 * epochs)]
        schedule = torch.optim.lr_scheduler.MultiStepLR(optimiser, milestones, gamma=0.4)
        return Recipe(optimiser, schedule, clip_norm=1.0 if params.labelled_share > 0 else None)

    @torch.no_grad()
    def prepare(self, train: Loader, report: Reporter) -> None:
        """Measure how much the features of good images deviate, level by level."""
        sums = torch.zeros(len(self.deviations), 2, dtype=torch.float64)
        values = torch.zeros(len(self.deviations), dtype=torch.float64)
        done = 0
        for batch in train:
            good = batch.labels == 0
            for i, level in enumerate(
                self.backbone(batch.images[good].to(self.deviations.device)) if good.any() else []
            ):
                sums[i] += torch.stack([level.sum(dtype=torch.float64), level.square().sum(dtype=torch.float64)]).cpu()
                values[i] += level.numel()
            done += len(batch)
            report(Fitting(what="statistics", done=done, total=train.images))
        mean, square = (sums / values.unsqueeze(1)).unbind(dim=1)
        self.deviations.copy_((square - mean**2).clamp(min=1e-12).sqrt())

    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        return {"loss": self._loss(batch, generator=None)}

    @torch.no_grad()
    def validate_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The same noise over the same images each time, or the losses of two epochs could not be compared."""
        generator = torch.Generator(batch.images.device).manual_seed(zlib.crc32("\n".join(batch.names).encode()))
        return {"loss": self._loss(batch, generator=generator)}

    @torch.no_grad()
    def predict_step(self, batch: Batch) -> Prediction:
        marked, score = self._heads(self.adaptor(self._features(batch)))
        large = to_map(marked.squeeze(1), size=batch.images.shape[-2:])
        return Prediction(score, gaussian_blur(large, sigma=self.params.blur_sigma))

    def _features(self, batch: Batch) -> torch.Tensor:
        """(B, C, h, w): the levels enlarged beyond the finest one's grid, joined, averaged over neighbouring places."""
        levels = [level / scale for level, scale in zip(self.frozen_features(batch), self.deviations, strict=True)]
        grid = [self.params.upscale * side for side in levels[0].shape[-2:]]
        levels = [functional.interpolate(level, size=grid, mode="bilinear", align_corners=False) for level in levels]
        size = self.params.patch_size
        return functional.avg_pool2d(torch.cat(levels, dim=1), size, stride=1, padding=size // 2)

    def _heads(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits of each place (B, 1, h, w) and of the whole image (B,)."""
        marked = self.marking(features)
        # without labelled defects the segmentation head learns from its own loss alone, as in the paper
        seen = marked if self.params.labelled_share > 0 else marked.detach()
        judged = self.judging(torch.cat([features, seen], dim=1))  # (B, HIDDEN, h, w)
        pooled = [judged.mean(dim=(2, 3)), judged.amax(dim=(2, 3)), seen.mean(dim=(2, 3)), seen.amax(dim=(2, 3))]
        return marked, self.verdict(torch.cat(pooled, dim=1)).squeeze(1)

    def _loss(self, batch: Batch, *, generator: torch.Generator | None) -> torch.Tensor:
        features = self.adaptor(self._features(batch))
        truth, known = _truth(batch, grid=features.shape[-2:])
        noisy = self._where_noise_goes(truth, known, generator)
        noise = torch.randn(features.shape, device=features.device, generator=generator) * self.params.noise_std
        marked, score = self._heads(torch.cat([features, features + noise * noisy]))
        truth = torch.cat([truth, torch.maximum(truth, noisy)])  # (2B, 1, h, w)
        defective = torch.maximum(
            torch.cat([batch.labels, batch.labels]).clamp(min=0).float(), truth.amax(dim=(1, 2, 3))
        )
        known = torch.cat([known, known]).view(-1, 1, 1, 1)
        return _marking_loss(marked, truth, known) + _focal(score, defective).mean()

    def _where_noise_goes(
        self, truth: torch.Tensor, known: torch.Tensor, generator: torch.Generator | None
    ) -> torch.Tensor:
        """(B, 1, h, w) 0 or 1: not over real defects, and nowhere where it is not known where those lie."""
        count, _, height, width = truth.shape
        hills = perlin_noise(count, height=height, width=width, device=truth.device, generator=generator)
        high = (hills > self.params.perlin_threshold).unsqueeze(1).float()
        return high * (1 - truth) * known.view(-1, 1, 1, 1)


def _truth(batch: Batch, *, grid: torch.Size) -> tuple[torch.Tensor, torch.Tensor]:
    """What is marked, on the grid (B, 1, h, w), and whether it is known where defects lie (B,); 0 or 1, float."""
    device, count = batch.images.device, len(batch)
    if batch.masks is None:
        marked = torch.zeros(count, 1, *grid, device=device)
    else:
        marked = functional.adaptive_max_pool2d(batch.masks, list(grid))  # a thin scratch stays
    known = batch.labels == 0 if batch.has_truth is None else batch.has_truth.to(device)
    return marked, known.float()


def _marking_loss(marked: torch.Tensor, truth: torch.Tensor, known: torch.Tensor) -> torch.Tensor:
    """Truncated L1, of good and of defective places alike, plus focal loss; images that are not `known` count nothing."""
    good, defective = (1 - truth) * known, truth * known
    l1 = _mean(functional.relu(MARGIN + marked), good) + _mean(functional.relu(MARGIN - marked), defective)
    return l1 + _mean(_focal(marked, truth), known.expand_as(marked))


def _mean(values: torch.Tensor, weights: torch.Tensor) -> torch.Tensor:
    """0 where all weights are 0."""
    return (values * weights).sum() / weights.sum().clamp(min=1)


def _focal(logits: torch.Tensor, truth: torch.Tensor) -> torch.Tensor:
    """Lin et al., Focal Loss for Dense Object Detection, ICCV 2017, https://arxiv.org/abs/1708.02002; the shape of `logits`."""
    cross_entropy = functional.binary_cross_entropy_with_logits(logits, truth, reduction="none")
    return (1 - torch.exp(-cross_entropy)) ** FOCAL_GAMMA * cross_entropy
