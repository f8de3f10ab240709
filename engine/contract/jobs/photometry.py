"""A measurement of light: how bright, how rich in contrast and how sharp the pictures of each class are. Nothing is learnt."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field

from engine.contract.jobs.base import Job
from engine.contract.jobs.fields import BatchSize, ImageSize
from engine.contract.measurements import MEASUREMENTS
from engine.contract.measurements.pixel_statistics import PixelStatisticsParams
from engine.contract.models.base import Params


class PhotometryJob(Job):
    """A measurement of the pictures of a data set, by class."""

    headline = "contrast"

    kind: Literal["photometry"] = "photometry"
    model: PixelStatisticsParams = Field(description="what is measured")
    image_size: ImageSize = 256
    batch_size: BatchSize = 16

    @classmethod
    def models(cls) -> Mapping[str, type[Params]]:
        return MEASUREMENTS

    def stages(self) -> list[str]:
        return ["loading", "evaluating"]
