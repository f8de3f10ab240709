"""Which model a reference means: the one place that says it.

`r12` is the model of that run, at its threshold in force.
"""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.refused import Refused
from assistant.runs.queue import Queue, version_in_force
from assistant.runs.results import evaluation_of
from assistant.store.tables import RunRow
from engine.contract.jobs import KINDS

RUN = re.compile(r"r[1-9][0-9]{0,9}")


class UnknownModel(Refused, LookupError):
    """No model has this name."""

    status = 404

    def __init__(self, reference: str):
        super().__init__(
            "unknown_model",
            f"unknown model {reference!r}",
            "name a finished run, such as r12",
            reference=reference,
        )


@dataclass(frozen=True)
class Servable:
    """A model that can be served. One process serves a `run`, whatever threshold each request has.

    threshold, pixel_threshold: in force; None: those of the training, which the model's card tells, or of a kind without one.
    threshold_version: of the run's; None where its kind has none. model, version: of the registry, where it was named by that.
    data: the data set that it learnt from, by its name.
    """

    label: str
    run: str
    folder: Path
    kind: str
    data: str
    threshold: float | None = None
    pixel_threshold: float | None = None
    threshold_version: int | None = None
    model: str | None = None
    version: int | None = None


async def resolve(runs: Queue, reference: str) -> Servable:
    """The model that a reference means now; it may mean another one a moment later.

    Raises:
        UnknownModel, UnknownRun: there is none.
        NoResults, RunElsewhere: the run has no model to serve, or not here.
    """
    if RUN.fullmatch(reference) is None:
        raise UnknownModel(reference)
    return await servable_of(runs, await runs.get(reference))


async def servable_of(runs: Queue, row: RunRow, *, model: str | None = None, version: int | None = None) -> Servable:
    """The model of a finished run at its threshold in force.

    Raises:
        NoResults, RunElsewhere: the run has no model to serve, or not here.
    """
    folder = runs.folder_of(row)
    await asyncio.to_thread(evaluation_of, row, folder)
    told: dict[str, Any] = {} if row.threshold is None else row.threshold["told"]
    return Servable(
        label=reference_of(row, model, version),
        run=row.id,
        folder=folder,
        kind=row.kind,
        data=row.dataset,
        threshold=told.get("image"),
        pixel_threshold=told.get("pixel"),
        threshold_version=version_in_force(row) if KINDS[row.kind].has_threshold else None,
        model=model,
        version=version,
    )


def reference_of(row: RunRow, model: str | None, version: int | None) -> str:
    """How people name it."""
    return row.id if model is None else f"{model}@{version}"
