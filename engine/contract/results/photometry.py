"""What a measurement of light leaves behind: figures of all pictures and of each class, and a row for each picture."""

from typing import ClassVar

from pydantic import Field, FiniteFloat

from engine.contract.results import Metrics, Results, Row, Written


class OfPictures(Written):
    """The means of some pictures; contrast and sharpness have no unit, brightness and clipped are shares of full white and of the pixels."""

    count: int
    brightness: FiniteFloat
    contrast: FiniteFloat
    sharpness: FiniteFloat
    clipped: FiniteFloat


class PhotometryMetrics(Metrics):
    """metrics.json of a measurement of light."""

    per_class: dict[str, OfPictures]


class PhotometryRow(Row):
    """One picture: its class, empty where nobody knows it, and what was measured."""

    label: str = Field(default="", alias="class")
    brightness: FiniteFloat
    contrast: FiniteFloat
    sharpness: FiniteFloat
    clipped: FiniteFloat


class PhotometryResults(Results[PhotometryMetrics, PhotometryRow]):
    """What was measured; each picture lies beside it as it was read."""

    pictures: ClassVar[tuple[str, ...]] = ("inputs",)
