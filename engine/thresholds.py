"""Where good ends: a threshold from held-out good images, with what their number can promise.

Split-conformal: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World, 2005; Angelopoulos and Bates, A
Gentle Introduction to Conformal Prediction, 2021, https://arxiv.org/abs/2107.07511. The model must not have seen the
images, and they must be like those of the line. Then a new good image is called defective with a probability of at most
`promised`, on average over calibrations. Nothing is promised about defects.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

ROUNDING = 1e-9  # 20 * 0.05 must count as 1, whatever the binary fractions make of it


@dataclass(frozen=True)
class Threshold:
    """A score above `value` is called defective. The rest are the facts that a sentence about it needs."""

    value: float
    overkill_rate: float  # what was asked for: share of good images that may be called defective
    calibration_images: int  # n
    promised: float  # the share that holds: at most overkill_rate when n is enough, else 1 / (n + 1)
    smallest_promise: float  # 1 / (n + 1): the least overkill that n images can promise at all
    images_needed: int  # least n that can promise overkill_rate

    @property
    def is_enough(self) -> bool:
        """Whether there were enough good images to promise what was asked for."""
        return self.calibration_images >= self.images_needed


def split_conformal(scores: ArrayLike, *, overkill_rate: float) -> Threshold:
    """The ceil((n + 1)(1 - overkill_rate))-th smallest of n held-out good scores; the largest where n is too small.

    For a pixel threshold give each good image's largest pixel score: then at most that share of good images has any
    pixel marked.

    Raises:
        ValueError: no scores, a score that is not finite, or a rate outside (0, 1).
    """
    held_out = np.sort(np.asarray(scores, dtype=np.float64).ravel())
    n = len(held_out)
    if n == 0:
        raise ValueError("no good images are held out to set the threshold; raise calibration_share or add good images")
    if not np.isfinite(held_out).all():
        raise ValueError("a held-out score is not a finite number; the model has diverged, train it anew")
    if not 0 < overkill_rate < 1:
        raise ValueError(
            f"overkill_rate is {overkill_rate}, it must lie between 0 and 1; 0.05 lets 5 % of good images fail"
        )
    above = max(math.floor((n + 1) * overkill_rate + ROUNDING), 1)  # ranks left above the threshold, of n + 1
    return Threshold(
        value=float(held_out[n - above]),
        overkill_rate=overkill_rate,
        calibration_images=n,
        promised=above / (n + 1),
        smallest_promise=1 / (n + 1),
        images_needed=math.ceil(1 / overkill_rate - ROUNDING) - 1,
    )


def p_values(scores: ArrayLike, held_out: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """Conformal p-value of each score: (1 + held-out good scores at least as high) / (n + 1). Small is anomalous.

    A score lies above the threshold of `split_conformal` exactly when its p-value is at most the promised rate.
    """
    ordered = np.sort(np.asarray(held_out, dtype=np.float64).ravel())
    at_least = len(ordered) - np.searchsorted(ordered, np.asarray(scores, dtype=np.float64), side="left")
    return (1 + at_least) / (len(ordered) + 1)
