"""The card of a saved model, `model.json`: what it is, what it learnt from and with what, for all who take it up later."""

from typing import Any

from pydantic import Field

from engine.contract.results import WeightsUsed, Written


class LearntFrom(Written):
    """The data set that a model was trained on; `learnt` names single pictures by their contents. `before` are those of the runs whose memory
    it extended, the oldest first."""

    name: str | None = None
    layout: str | None = None
    title: str | None = None
    pictures: int | None = None
    fingerprint: str | None = None
    licence: str | None = None
    learnt: list[str] | None = Field(default=None, description="where another training may build on it")
    before: list["LearntFrom"] | None = None


class ModelCard(Written):
    """What every model's card holds, whatever its kind; each kind adds its own (engine/contract/results/detect.py)."""

    spec: dict[str, Any]
    data: LearntFrom = LearntFrom()
    weights: WeightsUsed = WeightsUsed()
    synthetic: bool = False
    versions: dict[str, str] = Field(default={}, description="of the libraries, by name")
    created: float | None = Field(default=None, description="seconds since 1970")
    backbone_fingerprint: str | None = Field(default=None, description="of the frozen weights that it must be run on")
    checksums: str | None = Field(default=None, description="the file that lists them; null in those of older versions")
