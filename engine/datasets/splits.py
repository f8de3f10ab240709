"""Which pictures are learnt from, which set the threshold, which are tested with. By seed alone; no picture twice."""

from dataclasses import dataclass
from itertools import count

import numpy as np

from engine.datasets import Item

TEST_SHARE = 0.2  # of the good pictures, where the data set keeps none for testing
MOST_HELD_OUT = 0.99  # all shares together; more leaves next to nothing of any number
Shares = tuple[float, float, float]  # of the good pictures: for the threshold, for validation, for testing


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
    has_own_test = any(item.label == "good" for item in test)
    shares = (calibration_share, validation_share, 0.0 if has_own_test else TEST_SHARE)
    counts = _held_out(len(good), shares)
    if len(good) <= sum(counts):
        raise ValueError(_too_few(len(good), shares))
    shuffled = [good[i] for i in np.random.default_rng(seed).permutation(len(good))]
    calibration, validation, held_out, fit = np.split(np.array(shuffled, dtype=object), np.cumsum(counts))
    in_order = [sorted(part, key=lambda item: item.name) for part in (fit, validation, calibration, [*test, *held_out])]
    return Split(*in_order)


def least_good(*, calibration_share: float, validation_share: float, has_own_test: bool) -> int:
    """The least number of good pictures that can be shared out; the shares must leave some of them."""
    return _least((calibration_share, validation_share, 0.0 if has_own_test else TEST_SHARE))


def _held_out(good: int, shares: Shares) -> list[int]:
    """Pictures for threshold, validation and test, at least one for each share that is not 0."""
    return [max(1, round(share * good)) if share > 0 else 0 for share in shares]


def _least(shares: Shares, *, above: int = 0) -> int:
    assert sum(shares) <= MOST_HELD_OUT
    return next(good for good in count(above + 1) if good > sum(_held_out(good, shares)))


def _too_few(good: int, shares: Shares) -> str:
    counts = _held_out(good, shares)
    held_out = f"{sum(counts)} are held out (threshold {counts[0]}, validation {counts[1]}, test {counts[2]})"
    if sum(shares) > MOST_HELD_OUT:
        return (
            f"of {good} readable good pictures {held_out}: nothing is left to learn from; "
            "lower calibration_share or validation_share"
        )
    return (
        f"{good} readable good pictures are too few: {held_out} and at least one must be left to learn from; "
        f"{_least(shares, above=good)} are needed, 20 or more are a start"
    )
