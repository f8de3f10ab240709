"""How much work a training of a classifier is, in seconds of a plain CPU: right to a factor of two or three at best."""

import os
from collections.abc import Mapping
from typing import Any

from assistant.kinds.classify.classes import classes_in, large_enough
from engine.contract.jobs.classify import ClassifyJob

# Multiply-adds of the network for one 224 x 224 image, in 10^9, as timm's model tables give them (rounded).
GMACS = {
    "mobilenetv2_100": 0.3, "mobilenetv3_large_100": 0.2, "mobilenetv3_small_100": 0.06, "resnet18": 1.8, "resnet34": 3.7,
    "resnet50": 4.1, "tf_efficientnet_lite0": 0.4, "efficientnet_b0": 0.4, "efficientnet_b3": 1.9, "convnext_tiny": 4.5,
    "convnext_small": 8.7, "vit_tiny_patch16_224": 1.3, "vit_small_patch16_224": 4.6, "vit_base_patch16_224": 17.6,
}  # fmt: skip
UNKNOWN_GMACS = 4.0
GMACS_PER_SECOND_AND_CORE = 12.0
PASSES = 3.0  # of a step: forward, and twice as much backward
READ_SECONDS = 0.008  # decode and resize one image
AUGMENT_SECONDS = {"none": 0.0, "light": 0.002, "strong": 0.008}
START_SECONDS = 6.0  # import torch, read the data, save, load again


def count_work(job: ClassifyJob, facts: Mapping[str, Any]) -> float:
    """Reading, one pass for the head, the epochs, and a pass over what was held back."""
    images = sum(large_enough(classes_in(facts, include_good=job.include_good)).values())
    held_out = images * (job.validation_share + job.test_share)
    fit = max(images - held_out, 0)
    rate = GMACS_PER_SECOND_AND_CORE * (os.cpu_count() or 1)
    forward = GMACS.get(job.backbone.split(".")[0], UNKNOWN_GMACS) * (job.image_size / 224) ** 2 / rate
    step = PASSES * forward + AUGMENT_SECONDS[job.augmentation]
    epoch = fit * step + images * job.validation_share * forward
    return START_SECONDS + images * (READ_SECONDS + forward) + job.epochs * epoch + held_out * 2 * forward
