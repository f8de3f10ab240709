"""The two thresholds of a model, of images and of pixels, and the good pictures' scores that they come from."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from engine.contract.policy import GoodPolicy
from engine.contract.results.detect import Threshold
from engine.contract.thresholds import set_threshold


@dataclass(frozen=True)
class Calibration:
    """Both thresholds, and the scores of the good pictures that set them, which p-values compare with.

    map_highs: the highest score of each one's map; folds: of leave_one_out, how many models gave the scores.
    """

    image: Threshold
    pixel: Threshold
    scores: list[float]
    map_highs: list[float]
    folds: int | None = None


def calibration_from(
    scores: Sequence[float] | NDArray[np.floating],
    map_highs: Sequence[float] | NDArray[np.floating],
    *,
    overkill_rate: float,
    policy: GoodPolicy = "split_conformal",
    folds: int | None = None,
) -> Calibration:
    """Thresholds from scores (N,) and highest map scores (N,) of good pictures, each scored by a model that had not seen it.

    Args:
        folds: of leave_one_out, how many models gave the scores; None is one for each picture.

    Raises:
        ValueError: what cannot set a threshold, see `set_threshold`.
    """
    return Calibration(
        image=set_threshold(scores, overkill_rate=overkill_rate, policy=policy, folds=folds),
        pixel=set_threshold(map_highs, overkill_rate=overkill_rate, policy=policy, folds=folds),
        scores=[float(score) for score in scores],
        map_highs=[float(high) for high in map_highs],
        folds=folds,
    )
