"""What the Params of every model say of it, whatever the kind of run. Loads no torch."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field


class Params(BaseModel):
    """Hyper-parameters of one model. The class attributes say what the model is."""

    model_config = ConfigDict(extra="forbid")

    title: ClassVar[str]
    paper: ClassVar[str]
    summary: ClassVar[str]
    first_choice: ClassVar[bool] = False  # of its kind, where nobody names a model

    name: str = Field(description="of the model, as files and commands write it")
