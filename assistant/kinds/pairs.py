"""Whether one of two runs did better on the same test images, or whether the difference can be chance.

McNemar's test, exact: Psychometrika 12, 1947. AUROC: DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988. Both take the images as
independent; of images of few panels the difference is less sure than they say.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from engine.contract.results import Interval

if TYPE_CHECKING:
    import numpy as np

CHANCE = 0.05  # a difference that comes about by chance more often than this is none that shows
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


def pair(first: Sequence[bool], second: Sequence[bool]) -> Pair:
    """From what each got right, image by image."""
    both = list(zip(first, second, strict=True))
    return Pair(sum(a and not b for a, b in both), sum(b and not a for a, b in both))


def auroc_difference(first: Sequence[float], second: Sequence[float], defective: Sequence[bool]) -> Interval | None:
    """The interval of the first run's AUROC less the second's, from their scores of the same images; None of fewer than two of a class."""
    import numpy as np  # not before somebody compares: the first page needs none of it

    is_defective = np.asarray(defective, dtype=bool)
    if min(is_defective.sum(), (~is_defective).sum()) < 2:
        return None
    parts = [_placements(np.asarray(scores, dtype=float), is_defective) for scores in (first, second)]
    of_defective, of_good = (parts[0][i] - parts[1][i] for i in (0, 1))
    spread = math.sqrt(of_defective.var(ddof=1) / len(of_defective) + of_good.var(ddof=1) / len(of_good))
    difference = float(of_defective.mean())
    return difference - Z * spread, difference + Z * spread


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
