"""Which pictures are learnt from, which set the threshold, which are tested with. By seed alone; no picture twice."""

from dataclasses import dataclass

import numpy as np

from engine.datasets import Item

TEST_SHARE = 0.2  # of the good pictures, where the data set keeps none for testing


@dataclass(frozen=True)
class Split:
    """fit, validation and calibration are good pictures of the training split; test is everything else."""

    fit: list[Item]
    validation: list[Item]
    calibration: list[Item]
    test: list[Item]


def split_items(items: list[Item], *, calibration_share: float, validation_share: float, seed: int) -> Split:
    """Share out the readable pictures.

    Good pictures are held out for testing only where the data set keeps none itself.

    Raises:
        ValueError: too few good pictures to learn from some and hold others out.
    """
    good = [item for item in items if item.split == "train" and item.label == "good"]
    test = [item for item in items if item.split == "test"]
    test_share = 0.0 if any(item.label == "good" for item in test) else TEST_SHARE
    shares = [calibration_share, validation_share, test_share]
    counts = [max(1, round(share * len(good))) if share > 0 else 0 for share in shares]
    if len(good) <= sum(counts):
        raise ValueError(
            f"{len(good)} readable good pictures are too few: {sum(counts)} are held out (threshold, validation, test) "
            "and at least one must be left to learn from; add good pictures, 20 or more are a start"
        )
    shuffled = [good[i] for i in np.random.default_rng(seed).permutation(len(good))]
    calibration, validation, held_out, fit = np.split(np.array(shuffled, dtype=object), np.cumsum(counts))
    in_order = [sorted(part, key=lambda item: item.name) for part in (fit, validation, calibration, [*test, *held_out])]
    return Split(*in_order)
