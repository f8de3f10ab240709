"""How EfficientAD's small teacher comes to describe patches as a large pre-trained network does.

Batzner et al., EfficientAD, WACV 2024, https://arxiv.org/abs/2303.14535, appendix on the distillation: the network sees
the picture at twice the size, its features are joined as PatchCore joins them and brought to the teacher's number of
channels; the teacher learns them by their squared error. Deviations: each channel has mean 0 and deviation 1 over the good
pictures, and what it says about other pictures, which lies much farther out, is weighed down to count as much in all.

B batch, C channels of the teacher, h and w its places.
"""

from collections.abc import Callable, Iterator
from itertools import islice

import torch
from torch.nn import functional

from engine.backbones import Backbone
from engine.backbones.feature_statistics import RunningMoments, by_statistics
from engine.contract.events import Fitting
from engine.datasets.loading import Batch, Loader
from engine.layers.frozen_features import FrozenFeatures
from engine.layers.other_pictures import OtherPictures
from engine.layers.patch_description import MARGIN, STRIDE, PatchDescription
from engine.report import Eta, Reporter

Describe = Callable[[torch.Tensor], list[torch.Tensor]]

LEARNING_RATE, WEIGHT_DECAY = 1e-4, 1e-5  # of Adam
GREY_SHARE = 0.1
MEASURED = 128  # good pictures that the targets' mean and deviation are taken from, and as many others
KEPT_MB = 1024  # memory for targets of good pictures
LEAST_VARIANCE = 1e-12  # so that a channel that never changes gives no infinite values


def distil(
    teacher: PatchDescription,
    backbone: Backbone,
    good: Loader,
    others: OtherPictures,
    *,
    view: Callable[[torch.Tensor], torch.Tensor],
    channels: int,
    steps: int,
    report: Reporter,
) -> None:
    """Train `teacher` in place for `steps` steps, each on a batch of good pictures and as many others.

    `view` makes of images (B, 3, H, W) in [0, 1] what the teacher takes.
    """
    device = backbone.mean.device

    def describe(images: torch.Tensor) -> list[torch.Tensor]:
        return [described(images.to(device), backbone, channels=channels)]

    targets = FrozenFeatures(describe, memory_mb=KEPT_MB)
    optimiser = torch.optim.Adam(teacher.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    eta = Eta(steps)
    teacher.requires_grad_(True)
    try:
        with targets.keeping():
            mean, deviation, spread = _statistics(targets, good, others, describe, report)
            for step, batch in enumerate(islice(_endless(good), steps), start=1):
                pictures = others.take(len(batch), grey_share=GREY_SHARE)
                wanted = by_statistics(torch.cat([targets(batch)[0], describe(pictures)[0]]), mean, deviation)
                given = teacher(view(torch.cat([batch.images, pictures]).to(device)))[0]
                squared = (given - wanted).square()  # (2B, C, h, w)
                loss = squared[: len(batch)].mean() + (squared[len(batch) :] / spread.view(1, -1, 1, 1)).mean()
                optimiser.zero_grad(set_to_none=True)
                loss.backward()
                optimiser.step()
                report(Fitting(what="teacher", done=step, total=steps, eta_s=eta(step)))
    finally:
        teacher.requires_grad_(False)


@torch.no_grad()
def described(images: torch.Tensor, backbone: Backbone, *, channels: int) -> torch.Tensor:
    """(B, 3, H, W) -> (B, C, H / 4 - 8, W / 4 - 8): what the backbone says about the places that the teacher describes.

    Levels are averaged over 3 x 3 cells, each brought to its share of the channels by means of neighbouring ones.
    """
    height, width = images.shape[-2:]
    large = functional.interpolate(images, size=(2 * height, 2 * width), mode="bilinear", align_corners=False)
    levels = backbone(large)
    parts = []
    for i, level in enumerate(levels):
        share = channels // len(levels) + (i < channels % len(levels))
        level = functional.adaptive_avg_pool1d(level.flatten(2).mT, share).mT.reshape(
            len(level), share, *level.shape[-2:]
        )
        level = functional.avg_pool2d(level, 3, stride=1, padding=1)
        grid = (height // STRIDE, width // STRIDE)
        parts.append(functional.interpolate(level, size=grid, mode="bilinear", align_corners=False))
    return torch.cat(parts, dim=1)[..., MARGIN:-MARGIN, MARGIN:-MARGIN]


def _statistics(
    targets: FrozenFeatures, good: Loader, others: OtherPictures, describe: Describe, report: Reporter
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Each channel's mean and deviation over good pictures, and its mean square over others on that scale; (C,) each."""
    own, foreign = RunningMoments(), RunningMoments()
    total, done = min(good.images, MEASURED), 0
    eta = Eta(total)
    for batch in good:
        own.add(_vectors(targets(batch)[0]))
        foreign.add(_vectors(describe(others.take(len(batch), grey_share=GREY_SHARE))[0]))
        done = min(done + len(batch), total)
        report(Fitting(what="statistics", done=done, total=total, eta_s=eta(done)))
        if done == total:
            break
    variance = own.variance().clamp(min=LEAST_VARIANCE)
    spread = (foreign.variance() + (foreign.mean() - own.mean()).square()).clamp(min=LEAST_VARIANCE) / variance
    return own.mean().float(), variance.sqrt().float(), spread.float()


def _vectors(described: torch.Tensor) -> torch.Tensor:
    """(B, C, h, w) -> (B * h * w, C)."""
    return described.permute(0, 2, 3, 1).flatten(0, 2)


def _endless(loader: Loader) -> Iterator[Batch]:
    while True:
        yield from loader
