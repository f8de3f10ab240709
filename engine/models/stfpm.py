"""Student-teacher feature pyramid matching.

Wang et al., Student-Teacher Feature Pyramid Matching for Anomaly Detection, BMVC 2021,
https://arxiv.org/abs/2103.04257. A student of the teacher's architecture learns from good images alone to give the
teacher's features. Where it fails to, something is new.

B batch, C channels, h and w a level's grid, H and W image size.
"""

import torch
from torch.nn import functional

from engine.backbones import Backbone
from engine.contract.jobs.detect import DetectJob
from engine.contract.models.stfpm import StfpmParams
from engine.datasets.loading import Batch
from engine.layers.blur import gaussian_blur
from engine.layers.frozen_features import FrozenFeatures
from engine.layers.patches import to_map
from engine.models import AnomalyModel, Prediction
from engine.recipes import Recipe, falling


def build(spec: DetectJob, backbone: Backbone) -> "Stfpm":
    assert isinstance(spec.model, StfpmParams)
    return Stfpm(spec.model, backbone)


class Stfpm(AnomalyModel):
    """Frozen teacher (`backbone`), trainable student. Score map: product over the levels of their distances."""

    def __init__(self, params: StfpmParams, backbone: Backbone):
        super().__init__()
        self.backbone: Backbone = backbone
        self.student = backbone.student()
        self.params = params
        self.frozen_features: FrozenFeatures = FrozenFeatures(backbone)

    def recipe(self, *, epochs: int, steps_per_epoch: int) -> Recipe:
        params = self.params
        optimiser = torch.optim.SGD(
            self.student.parameters(),
            lr=params.learning_rate,
            momentum=params.momentum,
            weight_decay=params.weight_decay,
        )
        return Recipe(optimiser, falling(optimiser, params.schedule, epochs=epochs, patience=params.patience))

    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        return {"loss": self._loss(batch)}

    @torch.no_grad()
    def validate_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        return {"loss": self._loss(batch)}

    @torch.no_grad()
    def predict_step(self, batch: Batch) -> Prediction:
        size = batch.images.shape[-2:]
        score_map = torch.ones_like(batch.images[:, :1])  # (B, 1, H, W)
        for distance in self._distances(batch):
            score_map = score_map * to_map(distance.squeeze(1), size=size)
        score_map = gaussian_blur(score_map, sigma=self.params.blur_sigma)
        return Prediction(score_map.amax(dim=(1, 2, 3)), score_map)

    def _loss(self, batch: Batch) -> torch.Tensor:
        return torch.stack([distance.mean() for distance in self._distances(batch)]).sum()

    def _distances(self, batch: Batch) -> list[torch.Tensor]:
        """Half the squared distance of the unit-length feature vectors, one (B, 1, h, w) per level; 0 to 2."""
        teacher = self.frozen_features(batch)
        student = self.student(self.backbone.normalise(batch.images))
        return [
            0.5 * (functional.normalize(t, dim=1) - functional.normalize(s, dim=1)).square().sum(dim=1, keepdim=True)
            for t, s in zip(teacher, student, strict=True)
        ]
