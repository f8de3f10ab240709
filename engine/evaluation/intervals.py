"""How sure a figure is: intervals of measures of images.

Bootstrap: Efron and Tibshirani, An Introduction to the Bootstrap, 1993; those of shares stand in
engine/contract/shares.py. AUROC: Newcombe, Statistics in Medicine 25, 2006 (method 5, on the variance of Hanley and McNeil 1982), which does not shrink to a point when the classes are apart as the bootstrap does.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtri

from engine.contract.shares import (
    AT_ONCE,
    DEFECTIVE,
    GOOD,
    Interval,
    drawn,
    numbered,
    proportion_interval,
    resamples_of,
    strata_of,
)
from engine.evaluation.metrics import Metric, Tally

PIXELS_AT_ONCE = 200  # resamples of pixel counts held at a time


def bootstrap_interval(
    metric: Metric,
    scores: ArrayLike,
    labels: ArrayLike,
    *,
    seed: int,
    groups: Sequence[str | None] | None = None,
    level: float = 0.95,
    resamples: int | None = None,
) -> Interval | None:
    """Percentile interval of an image metric, by drawing images anew with replacement, good and defective apart.

    With `groups` (panels, lots) whole groups are drawn, those with a defective image apart from those without: images of
    one panel are alike, and drawing them one by one would promise too much. An image without a group is one of its own.
    `resamples` None is 1000, and fewer from 20,000 images on, where the interval is narrow anyway. None is returned when there
    are fewer than two images, or groups, of a class: nothing can be said about the spread.
    """
    score_of, label_of = np.asarray(scores, dtype=np.float64).ravel(), np.asarray(labels).ravel()
    known = np.flatnonzero((label_of == GOOD) | (label_of == DEFECTIVE))
    score_of, label_of = score_of[known], label_of[known]
    group_of = numbered(groups, known)
    strata = strata_of(group_of, label_of)
    if min((len(np.unique(group_of[label_of == of])) for of in (GOOD, DEFECTIVE)), default=0) < 2:
        return None
    order = np.argsort(-score_of, kind="stable")
    score_of, label_of, group_of = score_of[order], label_of[order], group_of[order]
    starts = np.flatnonzero(np.diff(score_of, prepend=np.inf))  # where each distinct score begins
    generator, values = np.random.default_rng(seed), []
    resamples = resamples or resamples_of(len(score_of))
    together = max(AT_ONCE // len(score_of), 1)
    for start in range(0, resamples, together):
        times = drawn(strata, min(together, resamples - start), generator)[:, group_of]  # (R, N) how often each image
        good = np.add.reduceat(times * (label_of == GOOD), starts, axis=1)
        defective = np.add.reduceat(times * (label_of == DEFECTIVE), starts, axis=1)
        values.append(metric.formula(Tally(score_of[starts], good, defective)))
    found = np.concatenate(values)
    found = found[np.isfinite(found)]  # a resample of mixed groups may lack a class
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bootstrap_pixels(
    metric: Metric,
    per_map: NDArray[np.float32],
    *,
    exact: float,
    seed: int,
    groups: Sequence[str | None] | None = None,
    level: float = 0.95,
    resamples: int = 1000,
) -> Interval | None:
    """Percentile interval of a pixel metric by drawing maps anew, those with a marked pixel apart from those without.

    Args:
        per_map: (N, 3, bins) good, defective and overlap of each map, highest scores first (PixelTally.per_map).
        exact: the figure by fine bins. The wide ones are a little off, and the interval is moved by what they are.
        groups: (N,) panel or lot of each map; whole groups are drawn then.

    None with fewer than two maps (or groups) that have a marked pixel.
    """
    is_defective = np.asarray(per_map[:, 1].any(axis=1), dtype=np.int64)
    group_of = numbered(groups, np.arange(len(per_map)))
    strata = strata_of(group_of, is_defective)
    if len(strata[1]) < 2:
        return None
    # each map's counts belong to its group: drawing groups is then one matrix product
    of_group = np.zeros((int(group_of.max()) + 1, *per_map.shape[1:]), dtype=np.float32)
    np.add.at(of_group, group_of, per_map)
    times = drawn(strata, resamples, np.random.default_rng(seed)).astype(np.float32)
    regions = np.rint(times @ of_group[:, 2].sum(axis=1)).astype(int)
    values = []
    for start in range(0, resamples, PIXELS_AT_ONCE):
        counts = np.tensordot(times[start : start + PIXELS_AT_ONCE], of_group, axes=1).astype(
            np.float64
        )  # (r, 3, bins)
        for i, rows in enumerate(counts):
            values.append(float(metric.formula(_pixel_tally(rows, int(regions[start + i])))))
    whole = per_map.sum(axis=0, dtype=np.float64)
    off = exact - float(metric.formula(_pixel_tally(whole, round(float(whole[2].sum())))))
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2]) + off
    return max(float(low), 0.0), min(float(high), 1.0)


def bootstrap_classes(
    formula: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    pairs: NDArray[np.int64],
    *,
    classes: int,
    seed: int,
    groups: Sequence[str | None] | None = None,
    level: float = 0.95,
    resamples: int = 1000,
) -> Interval | None:
    """Percentile interval of a figure of a confusion matrix, by drawing images anew, or whole groups of them, class by class.

    Args:
        formula: matrices (R, K, K), rows the true class, to one figure each (R,); nan where there is none.
        pairs: (N, 2) true class and called class of each image, of `classes` that there are.

    None where some class has fewer than two images, or groups: nothing can be said about the spread.
    """
    truth, called = pairs[:, 0], pairs[:, 1]
    group_of = numbered(groups, np.arange(len(truth)))
    first = {int(group): int(truth[i]) for i, group in reversed(list(enumerate(group_of)))}
    stratum_of = np.array([first[group] for group in range(len(first))])  # a mixed group counts where it begins
    strata = [np.flatnonzero(stratum_of == label) for label in np.unique(stratum_of)]
    if min((len(np.unique(group_of[truth == label])) for label in np.unique(truth)), default=0) < 2:
        return None
    times = drawn(strata, resamples, np.random.default_rng(seed))[:, group_of]  # (R, N)
    cells = np.zeros((len(truth), classes * classes))
    cells[np.arange(len(truth)), truth * classes + called] = 1
    found = formula((times @ cells).reshape(resamples, classes, classes))
    found = found[np.isfinite(found)]  # a resample of mixed groups may lack a class
    if len(found) == 0:
        return None
    low, high = np.quantile(found, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def mean_of_shares(shares: Sequence[float], counts: Sequence[int], *, level: float = 0.95) -> Interval | None:
    """Interval of a mean of independent shares, each seen of so many; it does not shrink to a point when all are 0 or 1.

    By the method of variance estimates recovery (Zou and Donner, Statistics in Medicine 27, 2008) on exact intervals.
    """
    intervals = [proportion_interval(share * of, of, level=level) for share, of in zip(shares, counts, strict=True)]
    known = [interval for interval in intervals if interval is not None]
    if not known or len(known) < len(intervals):
        return None
    share = np.asarray(shares)
    low, high = np.array(known).T
    mean, below, above = share.mean(), np.sqrt(((share - low) ** 2).sum()), np.sqrt(((high - share) ** 2).sum())
    return max(float(mean - below / len(share)), 0.0), min(float(mean + above / len(share)), 1.0)


def auroc_interval(auroc: float, good: int, defective: int, *, level: float = 0.95) -> Interval:
    """Newcombe's interval of an AUROC seen with so many independent images of each class; honest at 1 and 0 as well."""
    return _lowest_auroc(auroc, good, defective, level), 1 - _lowest_auroc(1 - auroc, good, defective, level)


def _lowest_auroc(seen: float, good: int, defective: int, level: float) -> float:
    """The true AUROC below which chance would not give the one seen. Mirrored, it is the upper end."""
    if seen <= 0:
        return 0.0
    from scipy.optimize import brentq  # not before a run's end: it takes half a second to load

    z, weight = float(ndtri((1 + level) / 2)), (good + defective) / 2 - 1

    def too_far(true: float) -> float:
        spread = 1 + weight * ((1 - true) / (2 - true) + true / (1 + true))
        return float((seen - true) ** 2 - z**2 * true * (1 - true) * spread / (good * defective))

    return float(brentq(too_far, 0.0, min(seen, 1 - 1e-9)))


def _pixel_tally(rows: NDArray[np.float64], regions: int) -> Tally:
    """Good, defective and overlap (3, bins) as a Tally; its scores are only ranks."""
    return Tally(np.arange(rows.shape[1])[::-1].astype(float), rows[0], rows[1], rows[2], regions)
