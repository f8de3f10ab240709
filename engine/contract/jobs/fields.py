"""Settings that several kinds of job have: the same type, range and help text wherever they stand, and what fills them in."""

from typing import Annotated, Any, Literal

from pydantic import Field

from engine.contract.jobs.base import Job

ImageSize = Annotated[
    int, Field(ge=64, le=1024, multiple_of=32, description="pixels; images are resized to image_size x image_size")
]
BatchSize = Annotated[int, Field(ge=1, le=512, description="images per batch")]
Epochs = Annotated[int, Field(ge=1, le=5000)]  # each kind says what one is
BACKBONE_NAME = Field(max_length=100, pattern=r"^[a-z0-9_.]+$")  # and what it is for
PretrainedWeights = Annotated[
    Literal["auto", "pretrained", "random"],
    Field(
        description="auto takes pre-trained weights and falls back to random ones with a warning; pretrained refuses to run without; random takes none"
    ),
]
Augmentation = Literal["none", "light", "strong"]
Precision = Literal["auto", "float32", "mixed"]

OF_THE_MODEL = ("backbone", "image_size", "batch_size", "epochs")


def fill_from_model(job: Job) -> None:
    """What is left out of these settings becomes the model's own default."""
    for name in OF_THE_MODEL:
        if getattr(job, name) is None:
            default: Any = getattr(job.model, f"default_{name}")
            setattr(job, name, default)
