"""How sure a share is: of so many images that were seen, or of whole groups of them. Loads no torch, and scipy only when asked.

Exact intervals: Clopper and Pearson, Biometrika 26, 1934, so 0 of 20 has one too. Bootstrap: Efron and Tibshirani, An Introduction to
the Bootstrap, 1993.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Interval = tuple[float, float]
GOOD, DEFECTIVE = 0, 1
AT_ONCE = 2_000_000  # counts of resamples held at a time: 16 MB each array
MOST_DRAWS = 20_000_000  # images drawn over all resamples


def share_interval(
    counted: NDArray[np.bool_],
    of: NDArray[np.bool_],
    labels: NDArray[np.int64],
    *,
    groups: Sequence[str | None] | None,
    seed: int,
) -> Interval | None:
    """95 % interval of the share of the images `of` that are `counted`; None of nothing.

    With `groups` (panels, lots) images of one group are alike: then it also holds the percentile interval of drawing whole groups
    anew, those with a defective image apart from those without. An image without a group is one of its own.

    Args:
        counted, of, labels: (N,); labels are 0 good, 1 defective, any other unknown, which is left out.
    """
    exact = proportion_interval(int((counted & of).sum()), int(of.sum()))
    return hull(exact, _drawn_share(counted, of, labels, groups=groups, seed=seed)) if groups else exact


def proportion_interval(count: float, of: int, *, level: float = 0.95) -> Interval | None:
    """Exact interval of a share of which `count` of `of` were seen; None of nothing. 20 of 20 gives 0.83 to 1."""
    from scipy.special import betaincinv  # not before it is asked for: the first page needs none of it

    if of == 0:
        return None
    tail = (1 - level) / 2
    low = betaincinv(count, of - count + 1, tail) if count > 0 else 0.0
    high = betaincinv(count + 1, of - count, 1 - tail) if count < of else 1.0
    return float(low), float(high)


def bootstrap_ratio(
    parts: ArrayLike, wholes: ArrayLike, *, seed: int, level: float = 0.95, resamples: int = 1000
) -> Interval | None:
    """Percentile interval of sum(parts) / sum(wholes) by drawing images (N,) anew; None of fewer than two images."""
    part, whole = np.asarray(parts, dtype=np.float64), np.asarray(wholes, dtype=np.float64)
    if len(part) < 2:
        return None
    generator = np.random.default_rng(seed)
    shares = np.empty(resamples)
    for number in range(resamples):
        drawn = generator.integers(0, len(part), len(part))
        shares[number] = part[drawn].sum() / whole[drawn].sum()
    low, high = np.quantile(shares, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def hull(*intervals: Interval | None) -> Interval | None:
    """The least interval that holds all given ones; None of none."""
    known = [interval for interval in intervals if interval is not None]
    return (min(low for low, _ in known), max(high for _, high in known)) if known else None


def numbered(groups: Sequence[str | None] | None, known: NDArray[np.int64]) -> NDArray[np.int64]:
    """A number from 0 for each image's group, in the order in which they first appear."""
    names: dict[object, int] = {}
    return np.array([names.setdefault((groups[i] if groups else None) or int(i), len(names)) for i in known], dtype=int)


def strata_of(group_of: NDArray[np.int64], label_of: NDArray[np.int64]) -> list[NDArray[np.int64]]:
    """The numbers of the groups without and with a defective image."""
    with_defect = np.unique(group_of[label_of == DEFECTIVE])
    return [np.setdiff1d(group_of, with_defect), with_defect]


def drawn(strata: list[NDArray[np.int64]], resamples: int, generator: np.random.Generator) -> NDArray[np.int64]:
    """How often each group (columns) is in each resample (rows): as many draws from a stratum as it has groups."""
    times = np.zeros((resamples, sum(map(len, strata))), dtype=np.int64)
    for stratum in strata:
        count = len(stratum)
        if count:
            draws = generator.integers(0, count, size=(resamples, count)) + count * np.arange(resamples)[:, None]
            times[:, stratum] = np.bincount(draws.ravel(), minlength=resamples * count).reshape(resamples, count)
    return times


def resamples_of(images: int) -> int:
    """How many a bootstrap draws of so many images: fewer from 20,000 on, where the interval is narrow anyway."""
    return int(np.clip(MOST_DRAWS // images, 200, 1000))


def _drawn_share(
    counted: NDArray[np.bool_],
    of: NDArray[np.bool_],
    labels: NDArray[np.int64],
    *,
    groups: Sequence[str | None],
    seed: int,
    level: float = 0.95,
) -> Interval | None:
    """None where a class has fewer than two groups: nothing can be said about the spread."""
    known = np.flatnonzero((labels == GOOD) | (labels == DEFECTIVE))
    group_of, label_of = numbered(groups, known), labels[known]
    strata = strata_of(group_of, label_of)
    if min((len(np.unique(group_of[label_of == label])) for label in (GOOD, DEFECTIVE)), default=0) < 2:
        return None
    count = int(group_of.max()) + 1
    parts = np.bincount(group_of[(counted & of)[known]], minlength=count)
    wholes = np.bincount(group_of[of[known]], minlength=count)
    generator, resamples = np.random.default_rng(seed), resamples_of(len(known))
    together = max(AT_ONCE // len(known), 1)
    shares = []
    for start in range(0, resamples, together):
        times = drawn(strata, min(together, resamples - start), generator)  # (R, groups)
        whole = times @ wholes
        shares.append((times @ parts)[whole > 0] / whole[whole > 0])  # a resample of mixed groups may lack a class
    low, high = np.quantile(np.concatenate(shares), [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
