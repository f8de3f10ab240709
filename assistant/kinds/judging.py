"""How well a finished run did on its test images, or on a part of them, by one measure for all: the worst type first, then the mean."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

FEWEST_OF_A_TYPE = 2  # images of a type below which it does not count as the worst


@dataclass(frozen=True)
class Judgement:
    """Figures of some test images; None where they cannot be measured. `by`: which metrics `worst` and `mean` are.

    missed and overkill are counts at the threshold in force, each with the number of images that it is of.
    """

    by: tuple[str, str]
    worst: float | None
    worst_of: str | None
    mean: float | None
    missed: tuple[int, int] | None = None
    overkill: tuple[int, int] | None = None
    wrong: tuple[int, int] | None = None  # judged otherwise than their labels say, and all
    made_up: bool = False  # of made-up defects, because there are too few others

    @property
    def rank(self) -> tuple[float, float]:
        """Greater is better."""
        return (-1.0 if self.worst is None else self.worst, -1.0 if self.mean is None else self.mean)


@dataclass(frozen=True)
class Tested:
    """The test images of a finished run: of what each is by its name, which of that are bad, and how it did on some of them (None: all)."""

    stratum: Mapping[str, str]
    good: frozenset[str]  # strata that are no defect
    judge: Callable[[Collection[str] | None], Judgement]
    ms_per_image: float | None = None  # that inspecting takes on the machine that trained
    model_mb: float | None = None  # that must be kept of the model


def auroc(bad: Sequence[float], good: Sequence[float]) -> float | None:
    """How often a bad image scores above a good one, ties counting half; None where one of them is missing."""
    if not bad or not good:
        return None
    ordered = sorted(good)
    above = sum(bisect_left(ordered, score) + bisect_right(ordered, score) for score in bad)
    return above / (2 * len(bad) * len(good))
