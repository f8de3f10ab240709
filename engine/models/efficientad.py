"""EfficientAD: a student that imitates a small teacher on good images only, and an autoencoder that sees the whole.

Batzner et al., EfficientAD: Accurate Visual Anomaly Detection at Millisecond-Level Latencies, WACV 2024,
https://arxiv.org/abs/2303.14535. What is new the student cannot imitate; what is arranged wrongly the autoencoder, all
of whose output comes through 64 numbers, describes differently from the student that learnt to imitate it.

Deviations: the paper's teacher was distilled from its backbone on ImageNet, which may not be had; here it is distilled
anew for each training (engine/layers/distillation.py), on the good images and on other pictures, in far fewer steps; so
its input need not be ImageNet's, and is brought to mean 0 and deviation 1 over the good images, without which pictures of
little contrast are not learnt in any short training. The pictures of the student's penalty are drawn textures, or those of a folder, instead of ImageNet's. An image's hard features
are its own, so that batches may be larger than one. The margin that the teacher does not describe takes the nearest
place's score, not zero, so that defects at the edge show. The quantiles of the two maps are taken before they are
enlarged.

B batch, C channels of the teacher, h and w its places, H and W image size.
"""

import math

import torch
from torch.nn import functional
from torch.optim.lr_scheduler import MultiStepLR

from engine.backbones import Backbone
from engine.backbones.feature_statistics import RunningMoments, by_statistics
from engine.contract.events import Fitting
from engine.contract.jobs.detect import DetectJob
from engine.contract.models.efficientad import EfficientAdParams
from engine.datasets.loading import Batch, Loader
from engine.layers.blur import gaussian_blur
from engine.layers.distillation import distil
from engine.layers.frozen_features import FrozenFeatures
from engine.layers.other_pictures import OtherPictures, grey
from engine.layers.patch_description import MARGIN, DescriptionAutoencoder, PatchDescription
from engine.models import AnomalyModel, Prediction
from engine.recipes import Recipe
from engine.report import Eta, Reporter

FALL_AT, FALL = 0.95, 0.1  # of the steps
GREY_SHARE = 0.3  # of the penalty's pictures
CHANGE = (0.8, 1.2)  # of brightness, contrast or saturation
QUANTILES = (0.9, 0.995)  # of a map on good images; they become 0 and
HIGH = 0.1
MOST_VALUES = 2**24  # that the quantiles are taken from
# good images that are all alike vary by nothing, and what divides by that calls rounding a defect
LEAST_INPUT_VARIANCE = 1e-4  # less than one grey of 255
LEAST_VARIANCE = 1e-6  # of a channel of the teacher, which learns a variance of 1
LEAST_SPREAD, LEAST_SHARE = 1e-6, 0.01  # between a map's quantiles: at all, and of its upper quantile


def build(spec: DetectJob, backbone: Backbone) -> "EfficientAd":
    assert isinstance(spec.model, EfficientAdParams)
    return EfficientAd(spec.model, backbone, image_size=spec.image_size, seed=spec.seed)


class EfficientAd(AnomalyModel):
    """Teacher (learns before the training only), student with a head for each of the other two, autoencoder.

    Score map: mean of the two maps, on a scale where 0.9 of the good images' values lie below 0 and 0.995 below 0.1.
    """

    input_mean: torch.Tensor
    input_deviation: torch.Tensor
    teacher_mean: torch.Tensor
    teacher_deviation: torch.Tensor
    quantiles: torch.Tensor

    def __init__(self, params: EfficientAdParams, backbone: Backbone, *, image_size: int, seed: int = 0):
        super().__init__()
        self.backbone: Backbone = backbone
        self.params = params
        channels = params.teacher_channels
        self.teacher = PatchDescription(params.size, channels).requires_grad_(False)
        self.student = PatchDescription(params.size, channels, heads=2)
        self.autoencoder = DescriptionAutoencoder(channels, image_size=image_size)
        self.register_buffer("input_mean", torch.zeros(()))
        self.register_buffer("input_deviation", torch.ones(()))
        self.register_buffer("teacher_mean", torch.zeros(channels))
        self.register_buffer("teacher_deviation", torch.ones(channels))
        self.register_buffer("quantiles", torch.tensor([[0.0, 1.0], [0.0, 1.0]]))  # of the student's, autoencoder's map
        self.others = OtherPictures(params.penalty_folder, image_size=image_size, seed=seed, setting="penalty_folder")
        self.frozen_features: FrozenFeatures = FrozenFeatures(lambda images: [self._teach(images)])

    def recipe(self, *, epochs: int, steps_per_epoch: int) -> Recipe:
        params = self.params
        learning = [*self.student.parameters(), *self.autoencoder.parameters()]
        optimiser = torch.optim.Adam(learning, lr=params.learning_rate, weight_decay=params.weight_decay)
        fall = math.ceil(FALL_AT * epochs * steps_per_epoch)
        return Recipe(optimiser, MultiStepLR(optimiser, milestones=[fall], gamma=FALL), every="step")

    def prepare(self, train: Loader, report: Reporter) -> None:
        """Distil the teacher, then bring its channels to mean 0 and deviation 1 on the good images."""
        params = self.params
        self._measure_inputs(train, report)
        channels, steps = params.teacher_channels, params.teacher_steps
        distil(
            self.teacher,
            self.backbone,
            train,
            self.others,
            view=self._view,
            channels=channels,
            steps=steps,
            report=report,
        )
        self.teacher_mean.zero_()
        self.teacher_deviation.fill_(1)
        moments, eta, done = RunningMoments(), Eta(train.images), 0
        for batch in train:
            moments.add(self._teach(batch.images.to(self.teacher_mean.device)).permute(0, 2, 3, 1).flatten(0, 2))
            done += len(batch)
            report(Fitting(what="statistics", done=done, total=train.images, eta_s=eta(done)))
        self.teacher_mean.copy_(moments.mean())
        self.teacher_deviation.copy_(moments.variance().clamp(min=LEAST_VARIANCE).sqrt())

    def _measure_inputs(self, train: Loader, report: Reporter) -> None:
        """Mean and deviation of the good images' pixels, over all three colours together: hues stay."""
        moments, eta, done = RunningMoments(), Eta(train.images), 0
        for batch in train:
            moments.add(self.backbone.normalise(batch.images.to(self.input_mean.device)).reshape(-1, 1))
            done += len(batch)
            report(Fitting(what="statistics", done=done, total=train.images, eta_s=eta(done)))
        self.input_mean.copy_(moments.mean()[0])
        self.input_deviation.copy_(moments.variance().clamp(min=LEAST_INPUT_VARIANCE).sqrt()[0])

    def train_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """One pass of the student over images, changed images and other pictures; the paper makes three."""
        params, count = self.params, len(batch)
        changed = recoloured(batch.images)
        others = self.others.take(count, grey_share=GREY_SHARE).to(batch.images.device)
        wanted, wanted_changed = self.frozen_features(batch)[0], self._teach(changed)
        hidden = self.student.trunk(self._view(torch.cat([batch.images, others, changed])))
        given, foreign = self.student.heads[0](hidden[: 2 * count]).split(count)
        given_changed = self.student.heads[1](hidden[2 * count :])
        drawn = self.autoencoder(self._view(changed))
        loss = hard_loss((wanted - given).square(), quantile=params.hard_quantile)
        loss = loss + params.penalty_weight * foreign.square().mean()
        loss = loss + functional.mse_loss(drawn, wanted_changed) + functional.mse_loss(given_changed, drawn)
        return {"loss": loss}

    @torch.no_grad()
    def validate_step(self, batch: Batch) -> dict[str, torch.Tensor]:
        """The loss without the penalty, on images as they are: nothing random is in it."""
        wanted, given, given_drawn, drawn = self._describe(batch)
        loss = hard_loss((wanted - given).square(), quantile=self.params.hard_quantile)
        return {"loss": loss + functional.mse_loss(drawn, wanted) + functional.mse_loss(given_drawn, drawn)}

    def finish(self, train: Loader, valid: Loader | None, report: Reporter) -> None:
        """Quantiles of both maps on validation images, or on training images where there are none."""
        self.others.forget()
        loader = valid if valid is not None and len(valid) else train
        found: tuple[list[torch.Tensor], list[torch.Tensor]] = ([], [])
        eta, done = Eta(loader.images), 0
        for batch in loader:
            for values, score_map in zip(found, self._maps(batch.to(self.quantiles.device)), strict=True):
                thinning = -(-loader.images * score_map[0].numel() // MOST_VALUES)
                values.append(score_map.flatten()[::thinning].cpu())
            done += len(batch)
            report(Fitting(what="quantiles", done=done, total=loader.images, eta_s=eta(done)))
        self.quantiles.copy_(torch.stack([_quantiles(torch.cat(values)) for values in found]))

    @torch.no_grad()
    def predict_step(self, batch: Batch) -> Prediction:
        maps = []
        for score_map, (low, high) in zip(self._maps(batch), self.quantiles, strict=True):
            spread = torch.maximum(high - low, LEAST_SHARE * high).clamp(min=LEAST_SPREAD)
            maps.append(HIGH * (score_map - low) / spread)
        combined = (maps[0] + maps[1]) / 2  # (B, 1, h, w)
        combined = functional.pad(combined, (MARGIN,) * 4, mode="replicate")
        size = batch.images.shape[-2:]
        score_map = functional.interpolate(combined, size=size, mode="bilinear", align_corners=False)
        score_map = gaussian_blur(score_map, sigma=self.params.blur_sigma)
        return Prediction(score_map.amax(dim=(1, 2, 3)), score_map)

    @torch.no_grad()
    def _teach(self, images: torch.Tensor) -> torch.Tensor:
        """The teacher's description (B, C, h, w), of mean 0 and deviation 1 on good images."""
        described = self.teacher(self._view(images))[0]
        return by_statistics(described, self.teacher_mean, self.teacher_deviation)

    def _view(self, images: torch.Tensor) -> torch.Tensor:
        """(B, 3, H, W) in [0, 1] to mean 0 and deviation 1 over the good images."""
        return (self.backbone.normalise(images) - self.input_mean) / self.input_deviation

    def _describe(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
        """Teacher, student's imitation of it, student's imitation of the autoencoder, autoencoder; (B, C, h, w) each."""
        images = self._view(batch.images)
        given, given_drawn = self.student(images)
        return self.frozen_features(batch)[0], given, given_drawn, self.autoencoder(images)

    @torch.no_grad()
    def _maps(self, batch: Batch) -> tuple[torch.Tensor, torch.Tensor]:
        """What the student could not imitate of the teacher, and of the autoencoder; (B, 1, h, w) each, not scaled."""
        wanted, given, given_drawn, drawn = self._describe(batch)
        student_map = (wanted - given).square().mean(dim=1, keepdim=True)
        return student_map, (drawn - given_drawn).square().mean(dim=1, keepdim=True)


def hard_loss(squared: torch.Tensor, *, quantile: float) -> torch.Tensor:
    """Mean of each image's values (B, C, h, w) at or above its own quantile; found without sorting the others."""
    values = squared.flatten(1)
    hard = max(1, values.shape[1] - math.ceil(quantile * (values.shape[1] - 1)))
    return values.topk(hard, dim=1, sorted=False).values.mean()


def recoloured(images: torch.Tensor) -> torch.Tensor:
    """(B, 3, H, W) in [0, 1] with brightness, contrast or saturation of each changed by up to a fifth, at random."""
    count, device = len(images), images.device
    kind = torch.randint(3, (count, 1, 1, 1)).to(device)
    factor = torch.empty(count, 1, 1, 1).uniform_(*CHANGE).to(device)
    brightness = grey(images)  # (B, 1, H, W)
    mean = brightness.mean(dim=(2, 3), keepdim=True)  # (B, 1, 1, 1)
    towards = torch.where(kind == 0, torch.zeros_like(brightness), torch.where(kind == 1, mean, brightness))
    return (towards + factor * (images - towards)).clamp(0, 1)


def _quantiles(values: torch.Tensor) -> torch.Tensor:
    """QUANTILES of a vector of any length (torch.quantile takes 16 million values at most)."""
    ranks = [round(share * (len(values) - 1)) for share in QUANTILES]
    return torch.stack([values.kthvalue(rank + 1).values for rank in ranks])
