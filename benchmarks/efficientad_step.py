"""EfficientAD's training step and inspection against separate passes, in one run: `python benchmarks/efficientad_step.py`.

The plain reference does what the paper's algorithm says, one line after the other: the student, with all its outputs,
goes over the image, the changed image and the other picture in turn, the teacher over image and changed image, and the
quantile of all squared differences is taken by torch.quantile. Ours makes one pass of the student, with the outputs that
are needed, keeps the teacher's answers to unchanged images, and picks the hard values out without sorting. Both start from
the same weights and random numbers; that their first losses agree is printed. Steps of both alternate, and processor time
is measured, so that other work on the machine disturbs little; memory is measured in a process for each.
"""

import argparse
import multiprocessing
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

import torch
from torch.nn import functional

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # run from anywhere, installed or not

from engine.backbones import Backbone
from engine.contract.models.efficientad import EfficientAdParams
from engine.datasets.loading import Batch
from engine.models.efficientad import GREY_SHARE, EfficientAd, recoloured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image-size", type=int, default=256)
    parser.add_argument("--batch-size", type=int, default=1)
    parser.add_argument("--size", choices=["small", "medium"], default="small")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    print(f"{options.size}, {options.image_size} px, batch of {options.batch_size}, {torch.get_num_threads()} threads")
    print(f"{'':<22}{'plain':>10}{'ours':>10}{'plain : ours':>14}")
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn"), max_tasks_per_child=1) as pool:
        memory = [pool.submit(memory_mb, options, is_plain=is_plain).result() for is_plain in (True, False)]
    plain, ours = Side(options, is_plain=True), Side(options, is_plain=False)
    steps, inspections = (
        alternately(getattr(plain, what), getattr(ours, what), options.repeats) for what in ("step", "inspect")
    )
    for name, (first, second) in (
        ("training step, ms", steps),
        ("inspection, ms", inspections),
        ("memory, MB", memory),
    ):
        print(f"{name:<22}{first:>10.0f}{second:>10.0f}{first / second:>14.2f}")
    print(f"{'first loss':<22}{plain.losses[0]:>10.5f}{ours.losses[0]:>10.5f}")


class Side:
    """A model, what it is fed, and one of the two ways to go through it."""

    def __init__(self, options: argparse.Namespace, *, is_plain: bool):
        torch.manual_seed(0)
        backbone = Backbone("resnet18", layers=[1], weights="random")  # only its normalisation of the input is used
        params = EfficientAdParams(size=options.size)
        self.model = EfficientAd(
            params, backbone, image_size=options.image_size
        ).eval()  # no dropout: its order differs
        self.optimiser = self.model.recipe(epochs=1000, steps_per_epoch=1).optimiser
        images = torch.rand(options.batch_size, 3, options.image_size, options.image_size)
        self.batch = Batch(images, torch.zeros(len(images)).long(), None, [str(i) for i in range(len(images))])
        self.is_plain = is_plain
        self.losses: list[float] = []
        self.kept = self.model.frozen_features.keeping()  # as the trainer does
        self.kept.__enter__()

    def step(self) -> None:
        torch.manual_seed(len(self.losses))
        loss = (plain_loss if self.is_plain else own_loss)(self.model, self.batch)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        self.losses.append(loss.item())

    def inspect(self) -> None:
        fresh = replace(self.batch, augmented=True)  # its answers are not kept
        (plain_inspection if self.is_plain else own_inspection)(self.model, fresh)


def alternately(plain: Callable[[], None], ours: Callable[[], None], repeats: int) -> list[float]:
    """Processor milliseconds of the quickest of some runs of each, one after the other, so that both see the same machine."""
    best = [float("inf"), float("inf")]
    for _ in range(repeats + 1):  # the first to warm up
        for which, work in enumerate((plain, ours)):
            started = time.process_time()
            work()
            best[which] = min(best[which], 1000 * (time.process_time() - started))
    return best


def memory_mb(options: argparse.Namespace, *, is_plain: bool) -> float:
    """What two steps take beyond libraries and networks, in a process of its own."""
    side = Side(options, is_plain=is_plain)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    side.step()
    side.step()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def own_loss(model: EfficientAd, batch: Batch) -> torch.Tensor:
    return model.train_step(batch)["loss"]


def own_inspection(model: EfficientAd, batch: Batch) -> float:
    return float(model.predict_step(batch).pred_score[0])


def plain_loss(model: EfficientAd, batch: Batch) -> torch.Tensor:
    """The same loss, image by image and pass by pass."""
    changed, others = recoloured(batch.images), model.others.take(len(batch), grey_share=GREY_SHARE)
    losses = []
    for image, changed_image, other in zip(*(x.split(1) for x in (batch.images, changed, others)), strict=True):
        squared = (_teacher(model, image) - _student(model, image)[0]).square()
        hard = torch.quantile(squared, model.params.hard_quantile)
        loss = squared[squared >= hard].mean() + _student(model, other)[0].square().mean()
        drawn = model.autoencoder(model._view(changed_image))
        loss = loss + functional.mse_loss(drawn, _teacher(model, changed_image))
        losses.append(loss + functional.mse_loss(_student(model, changed_image)[1], drawn))
    return torch.stack(losses).mean()


@torch.no_grad()
def plain_inspection(model: EfficientAd, batch: Batch) -> float:
    """Each map enlarged on its own, then scaled and averaged; image by image."""
    scores = []
    for image in batch.images.split(1):
        given, given_drawn = _student(model, image)
        drawn = model.autoencoder(model._view(image))
        maps = []
        for difference in (_teacher(model, image) - given, drawn - given_drawn):
            score_map = functional.pad(difference.square().mean(dim=1, keepdim=True), (4,) * 4, mode="replicate")
            large = functional.interpolate(score_map, size=image.shape[-2:], mode="bilinear", align_corners=False)
            low, high = model.quantiles[len(maps)]
            maps.append(0.1 * (large - low) / (high - low))
        scores.append(float(((maps[0] + maps[1]) / 2).max()))
    return scores[0]


@torch.no_grad()
def _teacher(model: EfficientAd, images: torch.Tensor) -> torch.Tensor:
    described = model.teacher(model._view(images))[0]
    return (described - model.teacher_mean.view(1, -1, 1, 1)) / model.teacher_deviation.view(1, -1, 1, 1)


def _student(model: EfficientAd, images: torch.Tensor) -> list[torch.Tensor]:
    given: list[torch.Tensor] = model.student(model._view(images))
    return given


if __name__ == "__main__":
    main()
