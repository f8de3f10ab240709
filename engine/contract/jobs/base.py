"""What every kind of run has: the data it works on, a model, and where, how long and from which random numbers it computes."""

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.fields import FieldInfo

from engine.contract.jobs.problems import Problem
from engine.contract.models.base import Params


class Job(BaseModel):
    """A whole run, fixed before it starts. What is left out is filled with the model's defaults, so a job is always concrete.

    A kind is a file of this folder with a class whose `kind` is the file's name. All that it can be asked for are its fields and
    those of its model: edit form, tool schema, command line and docs read them and their descriptions.
    """

    model_config = ConfigDict(extra="forbid")

    headline: ClassVar[str]  # the metric that says how good the result is
    has_threshold: ClassVar[bool] = False  # which can be set anew when the run has ended

    kind: str = Field(description="what sort of run it is")
    dataset: str = Field(min_length=1, max_length=200, description="name of a registered data set")
    model: Params = Field(description="the model and its hyper-parameters")
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="where to compute; auto takes a GPU if there is one"
    )
    seed: int = Field(default=0, ge=0, le=2**31 - 1, description="same seed, same data, same scores")
    time_limit_min: float | None = Field(
        default=None, gt=0, le=10080, description="minutes after which the run is ended; empty is no limit"
    )

    @classmethod
    def models(cls) -> Mapping[str, type[Params]]:
        """The models that a job of this kind can have, by name."""
        raise NotImplementedError

    @classmethod
    def first_choice(cls) -> str:
        """The model that is meant where nobody names one."""
        return next(name for name, params in cls.models().items() if params.first_choice)

    @classmethod
    def settings(cls) -> dict[str, FieldInfo]:
        """What can be asked for whatever the model: the kind's own settings, then those that every kind has."""
        fields = {name: each for name, each in cls.model_fields.items() if name not in ("kind", "dataset", "model")}
        return dict(sorted(fields.items(), key=lambda item: item[0] in Job.model_fields))

    def stages(self) -> list[str]:
        """What the run does, in order, by the names that its events and the page call it."""
        raise NotImplementedError

    def problems(self) -> list[Problem]:
        """Why it cannot run, beyond what its fields can tell: asked when a job is made, not when one that was stored is read."""
        return []

    @property
    def subject(self) -> str:
        """What the run is about: the name of its model."""
        return self.model.name

    @property
    def built_on(self) -> list[str]:
        """The finished runs whose models it is built on; who runs it has them at hand."""
        return []

    @property
    def all_epochs(self) -> int | None:
        """How many epochs it learns; None of a kind that does not learn by epochs."""
        return None

    @property
    def title(self) -> str:
        """The same, as people write it."""
        return self.model.title
