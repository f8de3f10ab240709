"""Measures of a detector on raw scores: image and pixel level, with intervals, per defect type.

Every measure reads a Tally: how many good and how many defective at each score. Images give an exact one; pixels, far
too many to keep, one by bins. So one formula serves both. A measure that needs both classes is None, with a reason,
when one is missing: never 0. Scores are not normalised or clamped first: clamping makes ties, which change results.
"""

import difflib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import ArrayLike, NDArray

BINS = 2**18  # of a PixelTally: 4 MB for the two classes, whatever the number of pixels
GOOD, DEFECTIVE = 0, 1


@dataclass(frozen=True)
class Measured:
    """A figure, or None and why there is none."""

    value: float | None
    reason: str | None = None


@dataclass(frozen=True)
class Tally:
    """Good and defective counted at each distinct score, from the highest score down. Three arrays of one length."""

    scores: NDArray[np.float64]
    good: NDArray[np.int64]
    defective: NDArray[np.int64]


Metric = Callable[[Tally], Measured]


def get_metric(name: str, *, threshold: float | None = None) -> Metric:
    """The measure of this name, to be called with a Tally of images (image_...) or of pixels (pixel_...).

    Those of a verdict (recall, escape_rate, overkill, missed, false_alarms) need the threshold; a score above it is
    called defective.

    Raises:
        LookupError: there is no measure of this name.
        ValueError: the measure needs a threshold and got none.
    """
    if name in RANKING:
        return RANKING[name]
    if name not in VERDICTS:
        near = difflib.get_close_matches(name, [*RANKING, *VERDICTS], n=1)
        guess = f", did you mean {near[0]!r}?" if near else ""
        raise LookupError(f"unknown metric {name!r}{guess} (have: {', '.join([*RANKING, *VERDICTS])})")
    if threshold is None:
        raise ValueError(f"metric {name!r} counts verdicts: give it the threshold above which a score is defective")
    return partial(VERDICTS[name], threshold=threshold)


def tally(scores: ArrayLike, labels: ArrayLike) -> Tally:
    """The exact Tally of images. Labels: 0 good, 1 defective; any other (unknown) is left out.

    Raises:
        ValueError: a score is not a finite number, or the lengths differ.
    """
    score_of, label_of = np.asarray(scores, dtype=np.float64).ravel(), np.asarray(labels).ravel()
    if len(score_of) != len(label_of):
        raise ValueError(f"{len(score_of)} scores but {len(label_of)} labels; there must be one label per score")
    _refuse_non_finite(score_of)
    known = (label_of == GOOD) | (label_of == DEFECTIVE)
    distinct, position = np.unique(score_of[known], return_inverse=True)
    defective = np.bincount(position[label_of[known] == DEFECTIVE], minlength=len(distinct))
    good = np.bincount(position[label_of[known] == GOOD], minlength=len(distinct))
    return Tally(distinct[::-1], good[::-1], defective[::-1])


class PixelTally:
    """Counts the pixels of score maps in equal bins from `low` to `high`: memory is fixed, however many maps are added.

    Scores outside fall into the end bins. Pixels that share a bin count as equal, so the AUROC is off from the exact by
    at most half the share of (good, defective) pairs within one bin: `tolerance()` tells how much that is for what was
    added. Over a range that holds the scores it is far below 0.001.
    """

    def __init__(self, *, low: float, high: float, bins: int = BINS):
        self.low, self.high, self.bins = low, high if high > low else low + 1.0, bins
        self._counts = np.zeros((2, bins), dtype=np.int64)  # good, defective

    def add(self, maps: ArrayLike, masks: ArrayLike) -> None:
        """Count the pixels of maps and their masks, of one shape; a mask above 0.5 is defective."""
        score_of, truth = np.asarray(maps, dtype=np.float64), np.asarray(masks) > 0.5
        if score_of.shape != truth.shape:
            raise ValueError(f"the maps are {score_of.shape} but the masks {truth.shape}; both must have one shape")
        _refuse_non_finite(score_of)
        share = (score_of.clip(self.low, self.high) - self.low) / (self.high - self.low)
        position = (share * self.bins).astype(np.int64).clip(max=self.bins - 1)
        self._counts[DEFECTIVE] += np.bincount(position[truth], minlength=self.bins)
        self._counts[GOOD] += np.bincount(position[~truth], minlength=self.bins)

    def tally(self) -> Tally:
        """The bins that hold anything, each at its middle."""
        filled = np.flatnonzero(self._counts.any(axis=0))[::-1]
        middle = self.low + (filled + 0.5) * (self.high - self.low) / self.bins
        return Tally(middle, self._counts[GOOD, filled], self._counts[DEFECTIVE, filled])

    def tolerance(self) -> float:
        """Largest possible difference between the AUROC by bins and the exact one."""
        good, defective = (counts / max(counts.sum(), 1) for counts in self._counts)
        return float(0.5 * (good * defective).sum())


def bootstrap_interval(
    metric: Metric, scores: ArrayLike, labels: ArrayLike, *, seed: int, level: float = 0.95, resamples: int = 1000
) -> tuple[float, float] | None:
    """Percentile interval of an image metric, by drawing images anew with replacement, good and defective apart.

    None when there are fewer than two images of a class: nothing can be said about the spread.
    """
    score_of, label_of = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    groups = [np.flatnonzero(label_of == GOOD), np.flatnonzero(label_of == DEFECTIVE)]
    if min(len(group) for group in groups) < 2:
        return None
    generator = np.random.default_rng(seed)
    values = []
    for _ in range(resamples):
        drawn = np.concatenate([generator.choice(group, len(group)) for group in groups])
        values.append(metric(tally(score_of[drawn], label_of[drawn])).value)
    low, high = np.quantile(np.array(values, dtype=np.float64), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def per_defect_type(
    scores: ArrayLike, labels: ArrayLike, defect_types: Sequence[str | None], *, threshold: float
) -> dict[str, dict[str, float | int | None]]:
    """For each defect type: how many, found and missed at the threshold, and its image AUROC against all the good."""
    score_of, label_of = np.asarray(scores, dtype=np.float64), np.asarray(labels)
    type_of = np.array([name or "" for name in defect_types], dtype=object)
    found: dict[str, dict[str, float | int | None]] = {}
    for name in sorted(set(type_of[label_of == DEFECTIVE])):
        of_type = (label_of == DEFECTIVE) & (type_of == name)
        chosen = of_type | (label_of == GOOD)
        count, above = int(of_type.sum()), int((score_of[of_type] > threshold).sum())
        found[name] = {
            "count": count,
            "found": above,
            "missed": count - above,
            "image_auroc": _auroc(tally(score_of[chosen], label_of[chosen])).value,
        }
    return found


def _auroc(counts: Tally) -> Measured:
    """Probability that a defective one scores above a good one, ties counting half."""
    good, defective = int(counts.good.sum()), int(counts.defective.sum())
    if not good or not defective:
        return _needs_both(good, defective)
    good_below = good - np.cumsum(counts.good) + counts.good / 2
    return Measured(float((counts.defective * good_below).sum() / good / defective))


def _average_precision(counts: Tally) -> Measured:
    """Area under the precision-recall curve as a sum of steps, without interpolation."""
    good, defective = int(counts.good.sum()), int(counts.defective.sum())
    if not good or not defective:
        return _needs_both(good, defective)
    hits = np.cumsum(counts.defective)
    precision = hits / (hits + np.cumsum(counts.good))
    return Measured(float((precision * counts.defective).sum() / defective))


def _f1_max(counts: Tally) -> Measured:
    """Best F1 of all thresholds. An oracle: it needs the labels that a real line does not have."""
    good, defective = int(counts.good.sum()), int(counts.defective.sum())
    if not good or not defective:
        return _needs_both(good, defective)
    hits = np.cumsum(counts.defective)
    return Measured(float((2 * hits / (hits + np.cumsum(counts.good) + defective)).max()))


def _recall(counts: Tally, *, threshold: float) -> Measured:
    """Share of the defective that are called defective."""
    defective = int(counts.defective.sum())
    if not defective:
        return Measured(None, "there are no defective images to test with")
    return Measured(float(counts.defective[counts.scores > threshold].sum() / defective))


def _escape_rate(counts: Tally, *, threshold: float) -> Measured:
    """Share of the defective that pass as good."""
    recall = _recall(counts, threshold=threshold)
    return recall if recall.value is None else Measured(1 - recall.value)


def _missed(counts: Tally, *, threshold: float) -> Measured:
    """Number of defective that pass as good."""
    if not counts.defective.sum():
        return Measured(None, "there are no defective images to test with")
    return Measured(float(counts.defective[counts.scores <= threshold].sum()))


def _overkill(counts: Tally, *, threshold: float) -> Measured:
    """Share of the good that are called defective."""
    good = int(counts.good.sum())
    if not good:
        return Measured(None, "there are no good images to test with")
    return Measured(float(counts.good[counts.scores > threshold].sum() / good))


def _false_alarms(counts: Tally, *, threshold: float) -> Measured:
    """Number of good that are called defective."""
    if not counts.good.sum():
        return Measured(None, "there are no good images to test with")
    return Measured(float(counts.good[counts.scores > threshold].sum()))


RANKING: dict[str, Metric] = {
    "image_auroc": _auroc,
    "image_aupr": _average_precision,
    "image_f1_max": _f1_max,
    "pixel_auroc": _auroc,
    "pixel_aupr": _average_precision,
}
VERDICTS: dict[str, Callable[..., Measured]] = {
    "recall": _recall,
    "escape_rate": _escape_rate,
    "overkill": _overkill,
    "missed": _missed,
    "false_alarms": _false_alarms,
}


def _needs_both(good: int, defective: int) -> Measured:
    if not good and not defective:
        return Measured(None, "nothing is labelled good or defective")
    missing = "defective" if not defective else "good"
    return Measured(None, f"the test data holds nothing {missing} to compare with")


def _refuse_non_finite(scores: NDArray[np.float64]) -> None:
    broken = int((~np.isfinite(scores)).sum())
    if broken:
        raise ValueError(
            f"{broken} of {scores.size} scores are not finite numbers; the model has diverged, train it anew"
        )
