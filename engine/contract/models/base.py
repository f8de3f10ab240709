"""What the Params of every model say of it, whatever the kind of run: also of one that has no network and learns nothing. Loads no torch."""

from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict, Field


class Params(BaseModel):
    """Hyper-parameters of one model. The class attributes say what the model is."""

    model_config = ConfigDict(extra="forbid")

    title: ClassVar[str]
    paper: ClassVar[str]
    summary: ClassVar[str]
    family: ClassVar[str]  # what it stands under wherever models are listed; the page names it (family.<name>)
    first_choice: ClassVar[bool] = False  # of its kind, where nobody names a model
    needs_weights: ClassVar[bool] = False  # pre-trained ones, without which it finds far less
    needs_gpu: ClassVar[bool] = False  # without one its training takes hours
    default_backbone: ClassVar[str | None] = None
    default_epochs: ClassVar[int | None] = None
    default_batch_size: ClassVar[int | None] = None
    default_image_size: ClassVar[int | None] = None
    written_before: ClassVar[dict[str, Any]] = {}  # what files stand for that are older than these settings

    name: str = Field(description="of the model, as files and commands write it")
