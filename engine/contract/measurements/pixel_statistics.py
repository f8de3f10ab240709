"""Brightness, contrast and sharpness of pictures, from their pixels alone."""

from typing import ClassVar, Literal

from pydantic import Field

from engine.contract.models.base import Params


class PixelStatisticsParams(Params):
    """Plain statistics of the pixels."""

    name: Literal["pixel_statistics"] = "pixel_statistics"
    title: ClassVar[str] = "Pixel statistics"
    paper: ClassVar[str] = (
        "Pech-Pacheco et al., Diatom autofocusing in brightfield microscopy, ICPR 2000, https://doi.org/10.1109/ICPR.2000.903548"
    )
    summary: ClassVar[str] = (
        "measures brightness, contrast and sharpness of the pictures of each class, and learns nothing"
    )
    family: ClassVar[str] = "measurement"
    first_choice: ClassVar[bool] = True

    clipped_at: float = Field(
        default=0.98, gt=0.5, le=1, description="share of full white from which a pixel counts as clipped"
    )
