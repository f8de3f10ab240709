"""How long a training will take: a rough count of the work, corrected by how long earlier runs on this machine took."""

import os
import statistics
from collections.abc import Sequence
from typing import Any

from assistant.frames import Estimate
from assistant.store.tables import RunRow
from engine.params import MODELS
from engine.spec import TrainSpec

# Multiply-adds of the feature pyramid for one 224 x 224 image, in 10^9, as timm's model tables give them (rounded).
BACKBONE_GMACS = {
    "mobilenetv2_100": 0.3,
    "resnet18": 1.8,
    "resnet34": 3.7,
    "resnet50": 4.1,
    "wide_resnet50_2": 11.4,
    "efficientnet_b0": 0.4,
}
UNKNOWN_GMACS = 4.0
GMACS_PER_SECOND_AND_CORE = 12.0
READ_SECONDS = 0.008  # decode and resize one image
START_SECONDS = 4.0  # import torch, read the spec, save, load again
STEPS_PER_EPOCH_IMAGE = {"autoencoder": 3.0, "stfpm": 3.0, "fastflow": 4.0}  # passes an image costs in one epoch


def expected(spec: TrainSpec, facts: dict[str, Any], finished: Sequence[RunRow]) -> Estimate:
    """Seconds that `spec` will take, given the facts of its data set and the finished runs of this machine."""
    raw = count_work(spec, facts)
    ratios = [
        (run.finished_at - run.started_at).total_seconds() / run.estimate_s
        for run in finished
        if run.model == spec.model.name and run.estimate_s and run.started_at and run.finished_at
    ]
    return Estimate(seconds=raw * (statistics.median(ratios) if ratios else 1.0), basis=len(ratios))


def count_work(spec: TrainSpec, facts: dict[str, Any]) -> float:
    """The uncorrected count, in seconds of a plain CPU."""
    rate = GMACS_PER_SECOND_AND_CORE * (os.cpu_count() or 1)
    gmacs: float = BACKBONE_GMACS.get(spec.backbone.split(".")[0], UNKNOWN_GMACS) if spec.backbone else 0.6
    forward: float = gmacs * (spec.image_size / 224) ** 2 / rate
    good, tested = int(facts["train_good"]), int(facts["test_good"] + facts["test_defective"])
    fit = good * (1 - spec.calibration_share)
    seconds = START_SECONDS + (good + tested) * (READ_SECONDS + forward) + tested * 0.05
    if spec.model.name == "patchcore":
        patches = fit * (spec.image_size / 2 ** (min(spec.model.layers) + 1)) ** 2
        bank = patches * spec.model.coreset_ratio
        seconds += patches * bank * 4e-9 / (os.cpu_count() or 1) + (good + tested) * 1024 * bank * 3e-9
    elif spec.model.name == "padim":
        positions = (spec.image_size / 2 ** (min(spec.model.layers) + 1)) ** 2
        seconds += positions * spec.model.num_features**2 * (fit + spec.model.num_features) * 1e-10
    elif MODELS[spec.model.name].family != "memory":
        seconds += spec.epochs * fit * (forward * STEPS_PER_EPOCH_IMAGE.get(spec.model.name, 3.0) + 0.002)
    return seconds
