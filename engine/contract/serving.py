"""What a warm model is asked over a pipe, and what it answers: a line of JSON each, typed on both sides. Loads no torch.

To the worker (`python -m engine serve RUN`): an `Asked`, then as many bytes as it tells, where it names no path. From it: a `Ready` or a
`NotReady`, then an `Answered` for each that was asked, in the order in which they are done.
"""

from typing import Literal

from pydantic import Field, FiniteFloat

from engine.contract.results import Interval, Written
from engine.contract.results.detect import Highest, Region

PICTURES = ("heatmap.jpg", "picture.jpg", "map.png")  # what may be drawn of one that was asked, after its stem


class Asked(Written):
    """One picture. Its bytes follow, or it lies at `path`."""

    id: int
    name: str
    length: int | None = Field(default=None, description="of the file that follows, in bytes")
    path: str | None = None
    threshold: FiniteFloat | None = Field(default=None, description="in force; null is that of the training")
    pixel_threshold: FiniteFloat | None = None
    draw: str | None = Field(default=None, description="stem of the files to draw; null draws none")
    which: list[str] = Field(default=["heatmap.jpg", "picture.jpg"], description="of PICTURES to draw")
    nearest: bool = Field(
        default=True, description="whether the good patches most like a region, and its likely type, are looked for"
    )


class Ready(Written):
    """The model is loaded. `scale` is what the colours and maps of its run stand for, where it has any."""

    ready: bool = True
    model: str
    image_size: int
    device: str
    batch_size: int
    held_out: int = Field(default=0, description="good pictures that p-values compare with")
    data: str | None = Field(default=None, description="fingerprint of the data that it learnt from")
    scale: tuple[FiniteFloat, FiniteFloat] | None = None


class NotReady(Written):
    """The model cannot be served, and why."""

    failed: str


class TypesKnown(Written):
    """What the likely types of regions rest on: of `regions` of the run's test images, each named by the others, `named` got a name and
    `right` of these the right one; always naming the `commonest` would be right in `commonest_share` of them. `reason`: why none is named."""

    regions: int = 0
    named: int = 0
    right: int = 0
    interval: Interval | None = Field(default=None, description="95 %, of right in named")
    commonest: str | None = None
    commonest_share: FiniteFloat | None = None
    leaves_out: Literal["image", "group"] = Field(default="image", description="what none is named by: its own")
    reason: str | None = None


class Answered(Written):
    """What the model says of one picture, or why that cannot be read (`broken`) or judged (`failed`).

    Scores are raw. `confidence` is how sure the model is: of a detector the probability that the picture is defective, of a
    classifier that of the class that it names; null where it was never calibrated, with `no_confidence`. `uncertainty` is the entropy
    of that, from 0 to 1, which is a coin's. Places of regions are pixels of the map, which has `image_size` a side.
    """

    id: int
    name: str
    broken: str | None = None
    failed: str | None = None
    sha256: str | None = None
    width: int | None = Field(default=None, description="of the picture as it is stored, in pixels")
    height: int | None = None
    verdict: str | None = Field(default=None, description="good or defective, or the class")
    is_anomalous: bool | None = None
    score: FiniteFloat | None = None
    threshold: FiniteFloat | None = None
    pixel_threshold: FiniteFloat | None = None
    p_value: FiniteFloat | None = None
    confidence: FiniteFloat | None = None
    no_confidence: str | None = None
    uncertainty: FiniteFloat | None = None
    probabilities: dict[str, FiniteFloat] = Field(default={}, description="of each class")
    regions: list[Region] = Field(default=[], description="above the pixel threshold, strongest first")
    highest: Highest | None = None
    types: TypesKnown | None = Field(
        default=None, description="of a picture with regions: what their likely types rest on"
    )
    drawn: list[str] = Field(default=[], description="which of PICTURES were drawn")
    not_drawn: str | None = Field(default=None, description="why they were not")
    batch: int = Field(default=0, description="pictures that were judged at once")
    decode_ms: FiniteFloat = 0.0
    compute_ms: FiniteFloat = Field(default=0.0, description="of the whole batch")
