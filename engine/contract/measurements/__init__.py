"""Everything that can be measured of pictures without learning: a file each, found by its name. Loads no torch."""

from engine.contract.models.base import Params
from engine.contract.variants import variants

MEASUREMENTS = variants(__name__, Params, tag="name")
