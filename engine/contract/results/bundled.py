"""What stands in a bundle about itself (engine/contract/bundle_folder.py), and what was found when it was tried."""

from typing import Literal

from pydantic import Field, FiniteFloat

from engine.contract.results import Written


class Expected(Written):
    """What the engine said of a picture: the verdict's number, and the score or the probability of each class."""

    picture: str
    verdict: int
    values: list[FiniteFloat]


class InForce(Written):
    """A threshold that somebody set, by its version in the home that it comes from."""

    image: FiniteFloat
    pixel: FiniteFloat
    version: int


class Bundle(Written):
    """`run` is the id that it had there; `threshold` is null where that of the training is in force."""

    format: Literal[1] = 1
    run: str
    kind: str
    model: str
    dataset: str
    threshold: InForce | None = None
    fingerprint: str | None = Field(default=None, description="of the data set")
    licences: dict[str, str | None] = Field(default={}, description="of the data and of each file of weights")
    weights: list[str] = Field(default=[], description="files in weights/")
    expected: list[Expected]
    murascope: str = Field(description="version that wrote it")
    created: FiniteFloat = Field(description="seconds since 1970")


class Verified(Written):
    """What was found of a bundle that is whole and scores as it says."""

    bundle: Bundle
    pictures: int
    largest_difference: FiniteFloat
