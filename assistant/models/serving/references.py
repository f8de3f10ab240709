"""Which model a reference means: the one place that says it.

`r12` is the model of that run, at its threshold in force; `name`, `name@champion` and `name@3` are versions of the registry, each at the
threshold that it was registered with.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from assistant.models.registry import Registry
from assistant.runs.queue import Queue, version_in_force
from assistant.runs.results import evaluation_of
from assistant.store.tables import RunRow
from engine.contract.jobs import KINDS

RUN = re.compile(r"r[1-9][0-9]{0,9}")


@dataclass(frozen=True)
class Servable:
    """A model that can be served. One process serves a `run`, whatever threshold each request has.

    reference: as it was asked for, and label as people name what that means now. threshold, pixel_threshold: in force; None: those of the training, which the model's card tells, or of a kind without one.
    threshold_version: of the run's; None where its kind has none. model, version: of the registry, where it was named by that.
    data: the data set that it learnt from, by its name.
    """

    reference: str
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


async def resolve(runs: Queue, registry: Registry, reference: str) -> Servable:
    """The model that a reference means now; it may mean another one a moment later.

    Raises:
        UnknownModel, UnknownRun: there is none.
        NoResults, RunElsewhere: its run has no model to serve, or not here.
    """
    if RUN.fullmatch(reference):
        row = await runs.get(reference)
        has_threshold = KINDS[row.kind].has_threshold
        return await _servable(
            runs, row, reference, threshold=row.threshold, version=version_in_force(row) if has_threshold else None
        )
    found = (await registry.find(reference)).row
    row = await runs.get(found.run)
    has_threshold = KINDS[row.kind].has_threshold
    servable = await _servable(
        runs, row, reference, threshold=found.threshold, version=found.threshold_version if has_threshold else None
    )
    return replace(servable, label=f"{found.model}@{found.version}", model=found.model, version=found.version)


async def _servable(
    runs: Queue, row: RunRow, reference: str, *, threshold: Mapping[str, Any] | None, version: int | None
) -> Servable:
    folder = runs.folder_of(row)
    await asyncio.to_thread(evaluation_of, row, folder)
    told: Mapping[str, Any] = {} if threshold is None else threshold["told"]
    return Servable(
        reference=reference,
        label=row.id,
        run=row.id,
        folder=folder,
        kind=row.kind,
        data=row.dataset,
        threshold=told.get("image"),
        pixel_threshold=told.get("pixel"),
        threshold_version=version,
    )
