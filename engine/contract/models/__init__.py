"""Every anomaly detector: what it is, each hyper-parameter that it takes, and what it costs. Loads no torch.

A model is a file of this folder with a class of Params whose `name` is the file's name; nothing lists them.
"""

from typing import TYPE_CHECKING, Annotated, Union, get_args

from pydantic import Field

from engine.contract.models.detector import DetectorParams, Family
from engine.contract.variants import variants

__all__ = ["FAMILIES", "MODELS", "DetectorParams", "Family", "ModelParams"]

FAMILIES: tuple[Family, ...] = get_args(Family)


def _place(params: type[DetectorParams]) -> tuple[int, int, str]:
    return FAMILIES.index(params.family), params.rank, params.title


# name -> class of its Params, family by family
MODELS = dict(sorted(variants(__name__, DetectorParams, tag="name").items(), key=lambda item: _place(item[1])))

if TYPE_CHECKING:
    ModelParams = DetectorParams
else:
    ModelParams = Annotated[Union[tuple(MODELS.values())], Field(discriminator="name")]  # noqa: UP007  (of a tuple)
