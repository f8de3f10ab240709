"""CutPaste: a backbone adapted to the user's pictures by telling cut-and-pasted ones from whole ones.

Li et al., CutPaste: Self-Supervised Learning for Anomaly Detection and Localization, CVPR 2021,
https://arxiv.org/abs/2104.04015. The network learns, from good images alone, to tell them from the same images with a piece
pasted elsewhere (engine/layers/cut_paste.py). Afterwards one Gaussian over the good images' features scores new ones. The
adapted backbone is saved in the model folder, and another training takes it by `backbone_run`; so does a further CutPaste,
which adapts a backbone on public data first and on the user's own then.

Deviations: an epoch is one pass over the images, not 256 steps. The Gaussian's covariance is shrunk after Ledoit and Wolf,
since there are often fewer images than channels. Where defects lie is read from the same network, by a second Gaussian over
the places of all levels; the paper trains another network on small patches for that. The backbone's batch norms keep the
statistics of their pre-training, only their factors learn, and the new layers have layer norms: with batch statistics of the
few images at hand the loss on held-out images rose fourfold the moment the backbone began to learn. For the same reason it
learns with a tenth of the learning rate, and gradients are clipped to length 1. Images are not augmented here, that is the
training's own setting.

B batch, C channels, h x w the finest level's grid, H x W image size.
"""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from engine.backbones import Backbone
from engine.backbones.feature_statistics import RunningMoments
from engine.contract.events import Fitting, Warned
from engine.contract.jobs.detect import DetectJob
from engine.contract.models.cutpaste import CutPasteParams
from engine.datasets.loading import Batch, Loader
from engine.layers.blur import gaussian_blur
from engine.layers.cut_paste import Kind, cut_paste
from engine.layers.mahalanobis import CentredProducts, Gaussian
from engine.layers.patches import joined_patches, to_map
from engine.models import AnomalyModel, Prediction
from engine.recipes import Recipe
from engine.report import Eta, Reporter

BACKBONE_SHARE = 0.1  # of the learning rate: the new layers need large steps, what is pre-trained does not survive them
HEAD = (512, 128)  # widths of the new layers between features and classes


def build(spec: DetectJob, backbone: Backbone | None) -> "CutPaste":
    assert isinstance(spec.model, CutPasteParams) and backbone is not None
    return CutPaste(spec.model, backbone, seed=spec.seed)


class CutPaste(AnomalyModel):
    """Classes: 0 whole, 1 pasted patch, 2 pasted scar (with two variants a made-up defect is either, and class 1).

    Score: Mahalanobis distance of the deepest level's mean; map: that of each place, all levels together.
    """

    steps: torch.Tensor

    def __init__(self, params: CutPasteParams, backbone: Backbone, *, seed: int = 0):
        super().__init__()
        self.params = params
        self.backbone: Backbone = backbone
        self.seed = seed
        backbone.network.requires_grad_(True)
        self.head = _head(backbone.channels[-1], classes=3 if params.variants == "three" else 2)
        self.image_gaussian = Gaussian(backbone.channels[-1])
        self.place_gaussian = Gaussian(sum(backbone.channels))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))  # learnt so far
        self._frozen_steps = 0

    def recipe(self, *, epochs: int, steps_per_epoch: int) -> Recipe:
        params = self.params
        self._frozen_steps = params.frozen_epochs * steps_per_epoch
        groups: list[dict[str, Any]] = [
            {"params": [*self.head.parameters()]},
            {"params": [*self.backbone.network.parameters()], "lr": params.learning_rate * BACKBONE_SHARE},
        ]
        optimiser = torch.optim.SGD(
            groups, lr=params.learning_rate, momentum=params.momentum, weight_decay=params.weight_decay
        )
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, T_max=epochs)
        return Recipe(optimiser, schedule, clip_norm=1.0)

    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        loss = self._loss(batch.images, adapt=int(self.steps) >= self._frozen_steps)
        self.steps += 1
        return {"loss": loss}

    @torch.no_grad()
    def validate_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The same pastes in every epoch, so that losses compare; the training's random numbers stay as they are."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.seed)
            return {"loss": self._loss(batch.images, adapt=False)}

    @torch.no_grad()
    def finish(self, train: Loader, valid: Loader | None, report: Reporter) -> None:
        """Two passes over the good images: the means, then the covariances around them."""
        if int(self.steps) <= self._frozen_steps:
            report(_not_adapted_warning())
        means, passes, eta = (RunningMoments(), RunningMoments()), 2 * train.images, Eta(2 * train.images)
        done = 0
        for pooled, places in self._embedded(train):
            means[0].add(pooled)
            means[1].add(places)
            done += len(pooled)
            report(Fitting(what="gaussian", done=done, total=passes, eta_s=eta(done)))
        products = [CentredProducts(moments.mean()) for moments in means]
        for pooled, places in self._embedded(train):
            products[0].add(pooled)
            products[1].add(places)
            done += len(pooled)
            report(Fitting(what="gaussian", done=done, total=passes, eta_s=eta(done)))
        self.image_gaussian.fit(products[0].mean, products[0])
        self.place_gaussian.fit(products[1].mean, products[1])

    @torch.no_grad()
    def predict_step(self, batch: Batch) -> Prediction:
        levels = self.backbone(batch.images)
        maps = to_map(self.place_gaussian(joined_patches(levels)), size=batch.images.shape[-2:])
        scores = self.image_gaussian(_pooled(levels))
        return Prediction(pred_score=scores, anomaly_map=gaussian_blur(maps, sigma=self.params.blur_sigma))

    def state_to_save(self) -> dict[str, torch.Tensor]:
        """The backbone too: here it is learnt."""
        return self.state_dict()

    def _loss(self, images: torch.Tensor, *, adapt: bool) -> torch.Tensor:
        """Cross-entropy of whole and pasted images, as many of each class."""
        kinds: tuple[Kind, ...] = ("patch", "scar")
        if self.params.variants == "three":
            shown = [images, *(cut_paste(images, kind) for kind in kinds)]
        else:
            shown = [images, cut_paste(images, kinds[int(torch.randint(2, ()))])]
        classes = torch.arange(len(shown), device=images.device).repeat_interleave(len(images))  # (n * B,)
        with torch.set_grad_enabled(adapt):
            pooled = _pooled(self.backbone(torch.cat(shown)))
        return functional.cross_entropy(self.head(pooled), classes)

    def _embedded(self, train: Loader) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        """Of each batch the images' vectors (B, C) and the places' (B * h * w, C)."""
        device = self.steps.device
        for batch in train:
            levels = self.backbone(batch.images.to(device))
            yield _pooled(levels), joined_patches(levels).flatten(0, 2)


def _not_adapted_warning() -> Warned:
    return Warned(
        code="backbone_not_adapted",
        message=(
            "the best state was reached before the backbone began to learn, so the backbone is as it was; "
            "give it more epochs, a lower learning_rate, or more images"
        ),
    )


def _head(channels: int, *, classes: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for width in HEAD:
        layers += [nn.Linear(channels, width, bias=False), nn.LayerNorm(width), nn.ReLU()]
        channels = width
    return nn.Sequential(*layers, nn.Linear(channels, classes))


def _pooled(levels: list[torch.Tensor]) -> torch.Tensor:
    """(B, C): the mean of the deepest level."""
    return levels[-1].mean(dim=(2, 3))
