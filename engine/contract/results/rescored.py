"""What a saved model, loaded again, says of pictures whose label is known: of the test images that measured it, or of another data set's."""

from pydantic import Field, FiniteFloat

from engine.contract.results import Written


class RescoredImage(Written):
    """One picture. `before` is what stands in the evaluation of the run, null where the picture is of other data."""

    name: str
    stratum: str = Field(description="its defect type, its class, or `good`")
    is_good: bool = Field(description="whether it has no defect; of classes always false")
    score: FiniteFloat = Field(description="raw score, or the probability of the class that it is called")
    is_right: bool = Field(description="whether the verdict at the threshold is what its label says")
    before: FiniteFloat | None = None
    was_right: bool | None = None


class Rescored(Written):
    """`missing` test images of the evaluation were not found in the data set."""

    images: list[RescoredImage]
    missing: int = 0

    @property
    def largest_difference(self) -> float:
        return max((abs(each.score - each.before) for each in self.images if each.before is not None), default=0.0)

    def differing(self, *, relative: float = 1e-4, least: float = 1e-7) -> list[RescoredImage]:
        """Those that score otherwise than by rounding, or are judged otherwise."""
        return [
            each for each in self.images if each.before is not None and _differs(each, each.before, relative, least)
        ]

    def counts(self) -> tuple[dict[str, tuple[int, int]], tuple[int, int] | None]:
        """Wrong ones and all, by defect type or class; and of the good ones, where there are any."""
        wrong: dict[str, list[bool]] = {}
        good = [not each.is_right for each in self.images if each.is_good]
        for each in self.images:
            if not each.is_good:
                wrong.setdefault(each.stratum, []).append(not each.is_right)
        return {name: (sum(each), len(each)) for name, each in wrong.items()}, (sum(good), len(good)) if good else None


def _differs(image: RescoredImage, before: float, relative: float, least: float) -> bool:
    return abs(image.score - before) > least + relative * abs(before) or image.is_right != image.was_right
