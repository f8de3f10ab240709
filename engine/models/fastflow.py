"""FastFlow: normalising flows on feature maps.

Yu et al., FastFlow: Unsupervised Anomaly Detection and Localization via 2D Normalizing Flows, 2021,
https://arxiv.org/abs/2111.07677. One flow per level of a frozen backbone turns the features of good images into white
noise; the likelihood of what comes out tells how usual each place is.

B batch, C channels, h and w a level's grid, H and W image size.
"""

import torch
from torch import nn
from torch.nn import functional

from engine.backbones import Backbone
from engine.contract.jobs.detect import DetectJob
from engine.contract.models.fastflow import FastFlowParams
from engine.datasets.loading import Batch
from engine.layers.blur import gaussian_blur
from engine.layers.coupling import CouplingBlock
from engine.layers.frozen_features import FrozenFeatures
from engine.layers.patches import to_map
from engine.models import AnomalyModel, Prediction
from engine.recipes import Recipe


def build(spec: DetectJob, backbone: Backbone) -> "FastFlow":
    assert isinstance(spec.model, FastFlowParams)
    return FastFlow(spec.model, backbone)


class FastFlow(AnomalyModel):
    """One flow per level. Score map: minus the likelihood, averaged over the levels; from -1 (usual) to 0."""

    def __init__(self, params: FastFlowParams, backbone: Backbone):
        super().__init__()
        self.backbone: Backbone = backbone
        self.flows = nn.ModuleList(Flow(channels, params) for channels in backbone.channels)
        self.params = params
        self.frozen_features: FrozenFeatures = FrozenFeatures(backbone)

    def recipe(self, *, epochs: int, steps_per_epoch: int) -> Recipe:
        params = self.params
        return Recipe(
            torch.optim.Adam(self.flows.parameters(), lr=params.learning_rate, weight_decay=params.weight_decay)
        )

    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        return {"loss": self._loss(batch)}

    @torch.no_grad()
    def validate_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        return {"loss": self._loss(batch)}

    @torch.no_grad()
    def predict_step(self, batch: Batch) -> Prediction:
        size = batch.images.shape[-2:]
        likelihoods = []
        for noise, _ in self._flows(batch):
            likelihood = torch.exp(-0.5 * noise.square().mean(dim=1, keepdim=True))  # (B, 1, h, w)
            likelihoods.append(to_map(likelihood.squeeze(1), size=size))
        score_map = gaussian_blur(-torch.stack(likelihoods).mean(dim=0), sigma=self.params.blur_sigma)
        return Prediction(score_map.amax(dim=(1, 2, 3)), score_map)

    def _loss(self, batch: Batch) -> torch.Tensor:
        """Negative log-likelihood of an image's features, up to a constant, summed over levels; mean over the batch."""
        losses = [0.5 * noise.square().sum(dim=(1, 2, 3)) - log_det for noise, log_det in self._flows(batch)]
        return torch.stack(losses).sum(dim=0).mean()

    def _flows(self, batch: Batch) -> list[tuple[torch.Tensor, torch.Tensor]]:
        """Noise (B, C, h, w) and log-determinant (B,) of each level."""
        # Deviation: layer norm without learnt scale. With one, the likelihood could be raised by shrinking the features
        # in front of the flow, where no log-determinant pays for it.
        levels = [functional.layer_norm(level.float(), level.shape[1:]) for level in self.frozen_features(batch)]
        return [flow(level) for flow, level in zip(self.flows, levels, strict=True)]


class Flow(nn.Module):
    """Coupling blocks with 3 x 3 and 1 x 1 convolutions in turn, or 3 x 3 throughout; invertible."""

    def __init__(self, channels: int, params: FastFlowParams):
        super().__init__()
        sizes = [3 if params.conv3x3_only or step % 2 == 0 else 1 for step in range(params.flow_steps)]
        self.blocks = nn.ModuleList(
            CouplingBlock(channels, hidden_ratio=params.hidden_ratio, kernel_size=size, clamp=params.clamp)
            for size in sizes
        )

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, C, h, w) -> noise of the same shape and log-determinant (B,)."""
        log_det = x.new_zeros(x.shape[0])
        for block in self.blocks:
            x, change = block(x)
            log_det = log_det + change
        return x, log_det

    def inverse(self, noise: torch.Tensor) -> torch.Tensor:
        for block in reversed(self.blocks):
            assert isinstance(block, CouplingBlock)
            noise = block.inverse(noise)
        return noise
