"""How much work a training of a detector is, in seconds of a plain CPU.

The counts are multiply-adds as the papers' network tables and a look at each algorithm give them. They are right to a factor of two
or three at best; what matters is that hours are not taken for minutes. The first finished run of a model sets them right.
"""

import os
from collections.abc import Mapping
from typing import Any

from engine.contract.jobs.detect import DetectJob, is_transformer
from engine.contract.policy import share_out

# Multiply-adds of the feature pyramid for one 224 x 224 image, in 10^9, as timm's model tables give them (rounded).
BACKBONE_GMACS = {
    "mobilenetv2_100": 0.3,
    "resnet18": 1.8,
    "resnet34": 3.7,
    "resnet50": 4.1,
    "wide_resnet50_2": 11.4,
    "wide_resnet101_2": 22.8,
    "efficientnet_b0": 0.4,
    "vit_small_patch14_dinov2": 6.0,
    "vit_base_patch14_dinov2": 23.0,
    "vit_base_patch14_reg4_dinov2": 23.0,
}
UNKNOWN_GMACS = 4.0
OWN_GMACS = {"autoencoder": 0.6, "draem": 85.0}  # of the networks that a model without a backbone brings, at 224 pixels
GMACS_PER_SECOND_AND_CORE = 12.0
READ_SECONDS = 0.008  # decode and resize one image
START_SECONDS = 4.0  # import torch, read the spec, save, load again
EFFICIENTAD_GMACS = {"small": 150.0, "medium": 400.0}  # one image in one step: student, teacher, autoencoder, and back
FEATURES = 1000  # channels of a typical pyramid, where the count depends on them


def count_work(spec: DetectJob, facts: Mapping[str, Any]) -> float:
    """The uncorrected count, in seconds of a plain CPU."""
    good, tested = int(facts["train_good"]), int(facts["test_good"] + facts["test_defective"])
    forward = _forward_seconds(spec)
    shared = share_out(spec, good=good, has_own_test=facts["test_good"] > 0)
    passes = 2 if spec.augmentation != "none" and spec.model.family == "memory" else 1
    once = (good * passes + tested) * (READ_SECONDS + forward) + tested * 0.05
    learnt = _learning_seconds(spec, fit=shared.fit, looked_at=good + tested, forward=forward)
    return START_SECONDS + once + learnt * (1 + (shared.folds or 0))


def _forward_seconds(spec: DetectJob) -> float:
    """One image through the networks."""
    rate = GMACS_PER_SECOND_AND_CORE * (os.cpu_count() or 1)
    if spec.model.name == "ensemble":
        gmacs = UNKNOWN_GMACS * len(spec.model.members)
    elif spec.backbone:
        gmacs = BACKBONE_GMACS.get(spec.backbone.split(".")[0], UNKNOWN_GMACS)
    else:
        gmacs = OWN_GMACS.get(spec.model.name, UNKNOWN_GMACS)
    if spec.model.name == "dino_bank":
        gmacs *= spec.model.tiles**2
    return float(gmacs * (spec.image_size / 224) ** 2 / rate)


def _learning_seconds(spec: DetectJob, *, fit: float, looked_at: int, forward: float) -> float:
    """What comes on top of one pass: memory models fit and search, the others learn over their epochs."""
    rate = GMACS_PER_SECOND_AND_CORE * (os.cpu_count() or 1)
    model = spec.model
    if model.name in ("patchcore", "dino_bank"):
        patches = fit * _cells(spec)
        bank = patches * model.coreset_ratio
        return patches * bank * 4e-9 / (os.cpu_count() or 1) + looked_at * 1024 * bank * 3e-9
    if model.name == "padim":
        return _cells(spec) * model.num_features**2 * (fit + model.num_features) * 1e-10
    if model.name == "spade":
        compared = min(model.num_images, fit) * _cells(spec) ** 2 * FEATURES / 4
        return looked_at * compared / (2e9 * rate)
    if model.name in ("subspace", "dfm"):
        return (fit * min(_cells(spec), 1024) * FEATURES**2 + FEATURES**3 * 10) / (1e9 * rate)
    if model.name == "efficientad":
        gmacs = EFFICIENTAD_GMACS[model.size] * (spec.image_size / 256) ** 2
        return spec.epochs * fit * gmacs / rate + model.teacher_steps * (forward + gmacs / 3 / rate)
    if model.family in ("gradient", "flow"):
        return spec.epochs * fit * (forward * model.passes_per_epoch + 0.002)
    return 0.0


def _cells(spec: DetectJob) -> float:
    """Places in the grid of features of one image."""
    if is_transformer(spec.backbone):
        return (spec.image_size / 14) ** 2 * (spec.model.tiles**2 if spec.model.name == "dino_bank" else 1)
    finest = min(getattr(spec.model, "layers", [2]))
    return float((spec.image_size / 2 ** (finest + 1)) ** 2)
