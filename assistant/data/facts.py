"""The facts of a data set under the name that it is spoken of by."""

from pydantic import Field

from engine.contract.data import DataFacts


class NamedFacts(DataFacts):
    """What `inspect_dataset` and a plan tell about a data set, the list of its pictures apart."""

    dataset: str = Field(description="its name, or its folder's where it is not registered")
    origin: str | None = Field(default=None, description="where a registered one came from")

    @classmethod
    def of(cls, facts: DataFacts, *, dataset: str, **more: str) -> "NamedFacts":
        return cls.model_validate({"dataset": dataset, **more, **facts.without_images().told()})
