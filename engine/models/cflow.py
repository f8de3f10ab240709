"""CFlow: the likelihood of each patch's features given its place.

Gudovskiy et al., CFLOW-AD: Real-Time Unsupervised Anomaly Detection with Localization via Conditional Normalizing Flows,
WACV 2022, https://arxiv.org/abs/2107.12571. One flow per level of a frozen backbone turns single feature vectors into white
noise; a code of sines and cosines tells it where a vector comes from.

Deviations: the negative log-likelihood itself is learnt from, not a squashed one; channels are standardised by the good
training images before the flow, which changes every likelihood by the same factor; likelihoods are brought to one scale by
constants found once on good images. A scale taken from each batch, as in the authors' code, would make an image's score
depend on the images beside it. One step learns from patches_per_step patches of each level at random places, the same
places in all images of the batch, where the authors take 64 at a time: large steps keep the processor busy.

B images, C channels of a level, h x w its grid, P places of it.
"""

import torch
from torch import nn

from engine.backbones import Backbone
from engine.backbones.feature_statistics import RunningMoments
from engine.contract.events import Fitting
from engine.contract.jobs.detect import DetectJob
from engine.contract.models.cflow import CFlowParams
from engine.datasets.loading import Batch, Loader
from engine.layers.blur import gaussian_blur
from engine.layers.coupling import ConditionalCouplingBlock
from engine.layers.frozen_features import FrozenFeatures
from engine.layers.patches import to_map
from engine.layers.position_code import position_code
from engine.models import AnomalyModel, Prediction
from engine.recipes import Recipe
from engine.report import Reporter


def build(spec: DetectJob, backbone: Backbone | None) -> "CFlow":
    assert isinstance(spec.model, CFlowParams) and backbone is not None
    return CFlow(spec.model, backbone)


class CFlow(AnomalyModel):
    """Score map: minus the likelihoods of all levels, each relative to the highest of good images; from about -levels to 0."""

    highest: torch.Tensor

    def __init__(self, params: CFlowParams, backbone: Backbone):
        super().__init__()
        self.params = params
        self.backbone: Backbone = backbone
        self.frozen_features: FrozenFeatures = FrozenFeatures(backbone)
        self.flows = nn.ModuleList(PatchFlow(channels, params) for channels in backbone.channels)
        self.register_buffer("highest", torch.zeros(len(backbone.channels)))  # log-likelihood a channel, of good images
        self._codes: dict[tuple[int, int, torch.device], torch.Tensor] = {}  # by grid: made once

    def recipe(self, *, epochs: int, steps_per_epoch: int) -> Recipe:
        params = self.params
        return Recipe(
            torch.optim.Adam(self.flows.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay)
        )

    @torch.no_grad()
    def prepare(self, train: Loader, report: Reporter) -> None:
        """Mean and deviation of each channel over the good training images."""
        moments, done = [RunningMoments() for _ in self.flows], 0
        for batch in train:
            for level, one in zip(self.backbone(batch.images.to(self.highest.device)), moments, strict=True):
                one.add(level.permute(0, 2, 3, 1).flatten(0, 2))
            done += len(batch)
            report(Fitting(what="statistics", done=done, total=train.images))
        for flow, one in zip(self.flows, moments, strict=True):
            assert isinstance(flow, PatchFlow)
            mean, variance = one.mean(), one.variance()
            flow.mean.copy_(mean)
            flow.deviation.copy_(variance.sqrt().clamp(min=1e-3 * float((variance + mean**2).mean().sqrt())))

    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        losses = []
        for level, flow in self._levels(batch):
            patches, code = self._patches(level)
            wanted = max(1, self.params.patches_per_step // len(batch))
            if wanted < len(code):
                chosen = torch.randperm(len(code), device=code.device)[:wanted]
                patches, code = patches[:, chosen], code[chosen]
            losses.append(-flow.log_likelihood(patches, code).mean())
        return {"loss": torch.stack(losses).mean()}

    @torch.no_grad()
    def validate_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        return {"loss": torch.stack([-level.mean() for level in self._log_likelihoods(batch)]).mean()}

    @torch.no_grad()
    def finish(self, train: Loader, valid: Loader | None, report: Reporter) -> None:
        """The highest log-likelihood of each level over good images; those held out, where there are some."""
        loader = valid if valid is not None and len(valid) else train
        found, done = torch.full_like(self.highest, -torch.inf), 0
        for batch in loader:
            levels = self._log_likelihoods(batch.to(self.highest.device))
            found = torch.maximum(found, torch.stack([level.max() for level in levels]))
            done += len(batch)
            report(Fitting(what="statistics", done=done, total=loader.images))
        self.highest.copy_(found)

    @torch.no_grad()
    def predict_step(self, batch: Batch) -> Prediction:
        size = batch.images.shape[-2:]
        score_map = torch.zeros_like(batch.images[:, :1])  # (B, 1, H, W)
        for level, highest in zip(self._log_likelihoods(batch), self.highest, strict=True):
            likelihood = torch.exp(level - highest)
            score_map -= to_map(likelihood.squeeze(1), size=size)
        score_map = gaussian_blur(score_map, sigma=self.params.blur_sigma)
        return Prediction(score_map.amax(dim=(1, 2, 3)), score_map)

    def _log_likelihoods(self, batch: Batch) -> list[torch.Tensor]:
        """(B, 1, h, w) of each level: nats a channel, up to a constant."""
        levels = []
        for level, flow in self._levels(batch):
            count, _, height, width = level.shape
            levels.append(flow.log_likelihood(*self._patches(level)).view(count, 1, height, width))
        return levels

    def _levels(self, batch: Batch) -> list[tuple[torch.Tensor, "PatchFlow"]]:
        """Features (B, C, h, w) of each level, and the flow that knows them."""
        flows = [flow for flow in self.flows if isinstance(flow, PatchFlow)]
        return list(zip(self.frozen_features(batch), flows, strict=True))

    def _patches(self, level: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, C, h, w) -> vectors (B, P, C) and the codes of their places (P, K)."""
        height, width = level.shape[-2:]
        key = (height, width, level.device)
        if key not in self._codes:
            size = self.params.condition_size
            self._codes[key] = position_code(height, width, size=size, device=level.device)
        return level.flatten(2).transpose(1, 2), self._codes[key]


class PatchFlow(nn.Module):
    """Standardises the vectors of one level and passes them through its coupling blocks; invertible."""

    mean: torch.Tensor
    deviation: torch.Tensor

    def __init__(self, channels: int, params: CFlowParams):
        super().__init__()
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("deviation", torch.ones(channels))
        self.blocks = nn.ModuleList(
            ConditionalCouplingBlock(
                channels, code_size=params.condition_size, hidden_ratio=params.hidden_ratio, clamp=params.clamp
            )
            for _ in range(params.coupling_blocks)
        )

    def forward(self, x: torch.Tensor, code: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """x (B, P, C), code (P, K) -> noise (B, P, C) and log-determinant (B, P) behind the standardising."""
        x = (x - self.mean) / self.deviation
        log_det = x.new_zeros(x.shape[:2])
        for block in self.blocks:
            x, change = block(x, code)
            log_det = log_det + change
        return x, log_det

    def inverse(self, noise: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
        for block in reversed(self.blocks):
            assert isinstance(block, ConditionalCouplingBlock)
            noise = block.inverse(noise, code)
        return noise * self.deviation + self.mean

    def log_likelihood(self, x: torch.Tensor, code: torch.Tensor) -> torch.Tensor:
        """(B, P): of each vector, divided by its channels, up to a constant."""
        noise, log_det = self(x, code)
        likelihood: torch.Tensor = (log_det - 0.5 * noise.square().sum(dim=2)) / noise.shape[2]
        return likelihood
