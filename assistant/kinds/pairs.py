"""Whether one of two runs did better on the same test images, or whether the difference can be chance.

McNemar's test, exact: Psychometrika 12, 1947. AUROC: DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988. Both take the images as
independent; of images of few panels the difference is less sure than they say. Several pairs at once: Holm, Scandinavian Journal of
Statistics 6, 1979, for among many comparisons one shows a difference by chance sooner or later.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

from engine.contract.results import Interval

if TYPE_CHECKING:
    import numpy as np

CHANCE = 0.05  # a difference that comes about by chance more often than this is none that shows
POWER = 0.8  # how often as many images as `images_to_tell` would show a difference that is as it appears
MOST_IMAGES = 1_000_000  # nobody takes more to tell two runs apart
Z = 1.959964  # of a normal distribution, 95 %


@dataclass(frozen=True)
class Pair:
    """Of images that both runs saw: how many only the first got right, how many only the second."""

    only_first: int
    only_second: int

    @property
    def chance(self) -> float:
        """How often chance alone would split them as unevenly, were both equally good."""
        least, of = min(self.only_first, self.only_second), self.only_first + self.only_second
        ways = sum(math.comb(of, k) for k in range(least + 1))
        return min(2.0 * (ways / (1 << of)), 1.0)

    @property
    def spreads(self) -> float:
        """How many spreads the difference is away from none."""
        of = self.only_first + self.only_second
        return abs(self.only_first - self.only_second) / math.sqrt(of) if of else 0.0


def pair(first: Sequence[bool], second: Sequence[bool]) -> Pair:
    """From what each got right, image by image."""
    both = list(zip(first, second, strict=True))
    return Pair(sum(a and not b for a, b in both), sum(b and not a for a, b in both))


@dataclass(frozen=True)
class Difference:
    """The first run's figure less the second's, and the standard deviation that the choice of images gives it."""

    value: float
    spread: float

    @property
    def interval(self) -> Interval:
        return self.value - Z * self.spread, self.value + Z * self.spread

    @property
    def spreads(self) -> float:
        """How many spreads it is away from none."""
        return abs(self.value) / self.spread if self.spread else 0.0

    @property
    def chance(self) -> float:
        """How often chance alone would make it as large, were both equally good."""
        return math.erfc(self.spreads / math.sqrt(2))


def auroc_difference(first: Sequence[float], second: Sequence[float], defective: Sequence[bool]) -> Difference | None:
    """Of the AUROC of two runs, from their scores of the same images.

    None of fewer than two of a class, and where every image tells the same difference, as where one run tells the classes apart wholly and
    the other not at all: then the images tell nothing of a spread.
    """
    import numpy as np  # not before somebody compares: the first page needs none of it

    is_defective = np.asarray(defective, dtype=bool)
    if min(is_defective.sum(), (~is_defective).sum()) < 2:
        return None
    parts = [_placements(np.asarray(scores, dtype=float), is_defective) for scores in (first, second)]
    of_defective, of_good = (parts[0][i] - parts[1][i] for i in (0, 1))
    spread = math.sqrt(of_defective.var(ddof=1) / len(of_defective) + of_good.var(ddof=1) / len(of_good))
    difference = float(of_defective.mean())
    return Difference(difference, spread) if spread or not difference else None


def apart(first: tuple[float, Interval], second: tuple[float, Interval]) -> Difference:
    """Of two figures of which the intervals alone are known, as if of other images: where they are the same ones, it is surer than that."""
    widths = [(high - low) / (2 * Z) for _, (low, high) in (first, second)]
    return Difference(first[0] - second[0], math.hypot(*widths))


def holm(chances: Sequence[float]) -> list[float]:
    """The p-values of several comparisons, each made so much larger that of all of them hardly one shows a difference by chance."""
    order, found, least = sorted(range(len(chances)), key=lambda i: chances[i]), [1.0] * len(chances), 0.0
    for rank, i in enumerate(order):
        least = max(least, min((len(chances) - rank) * chances[i], 1.0))
        found[i] = least
    return found


def images_to_tell(images: int, spreads: float, *, comparisons: int = 1) -> int | None:
    """About how many test images would show a difference that `images` show `spreads` away from none, were it as it appears.

    In four of five tests with so many, corrected for so many comparisons. To two digits; None where there is none, or it takes too many.
    """
    if not spreads:
        return None
    wanted = NormalDist().inv_cdf(1 - CHANCE / (2 * comparisons)) + NormalDist().inv_cdf(POWER)
    needed = images * (wanted / spreads) ** 2
    if needed > MOST_IMAGES:
        return None
    step: int = 10 ** max(math.floor(math.log10(needed)) - 1, 0)
    return math.ceil(needed / step) * step


def overlap(first: Interval | None, second: Interval | None) -> bool | None:
    """Whether two intervals have a value in common; None where one is not known, or is a point, of which nobody knows how sure it is."""
    if first is None or second is None or first[0] == first[1] or second[0] == second[1]:
        return None
    return first[0] <= second[1] and second[0] <= first[1]


def _placements(scores: "np.ndarray", defective: "np.ndarray") -> "tuple[np.ndarray, np.ndarray]":
    """Of each defective image the share of good ones below it, of each good one the share of defective ones above; ties count half."""
    import numpy as np

    ill, good = np.sort(scores[defective]), np.sort(scores[~defective])

    def share_below(values: np.ndarray, others: np.ndarray) -> np.ndarray:
        left, right = (np.searchsorted(others, values, side=side) for side in ("left", "right"))
        found: np.ndarray = (left + right) / (2 * len(others))
        return found

    return share_below(scores[defective], good), 1 - share_below(scores[~defective], ill)
