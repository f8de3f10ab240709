"""What a kind of run gives to be served: `engine/tasks/<kind>/serving.py` with `open_served(folder, ...)`, found by the kind's name."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from engine.contract.folder import RunFolder
from engine.contract.serving import Asked, Ready
from engine.datasets.loading import Batch
from engine.failures import SettingError

Draw = Callable[[str, Sequence[str]], list[str]]


@dataclass(frozen=True)
class Judged:
    """The facts of an `Answered` that the model has said, and `draw(stem, which)`, which draws these of its PICTURES and tells which there are."""

    facts: dict[str, Any]
    draw: Draw


NOT_FINITE = Judged({"failed": "the model gives no finite number for this picture"}, lambda stem, which: [])
QUALITY = 90  # of the JPEGs that are drawn: a PNG takes four times the time and the room


class Served(Protocol):
    """A loaded model. `judge` is called from one thread, `Judged.draw` from any."""

    @property
    def ready(self) -> Ready: ...

    def judge(self, batch: Batch, asked: Sequence[Asked]) -> list[Judged]:
        """What the model says of each picture of the batch, as each was asked."""


def open_served(folder: RunFolder, *, weights_folder: Path | None, hub: bool) -> Served:
    """The model of a finished run, loaded as its kind serves it.

    Raises:
        SettingError: there is none, it is damaged, its weights are not here, or its kind cannot be served.
    """
    if not folder.model.card.is_file():
        raise SettingError(f"there is no model in {folder.model.path}: name the folder of a run that has finished")
    try:
        kind = folder.read_job().kind
        if find_spec(f"engine.tasks.{kind}.serving") is None:
            raise SettingError(f"the model of a run of kind {kind!r} cannot be served")
        served: Served = import_module(f"engine.tasks.{kind}.serving").open_served(
            folder, weights_folder=weights_folder, hub=hub
        )
    except (OSError, ValueError, LookupError) as error:
        raise SettingError(str(error)) from error
    return served


def entropy(shares: Sequence[float]) -> float:
    """Of probabilities, from 0, where one of them is sure, to 1, where all are the same."""
    known: NDArray[np.float64] = np.asarray([share for share in shares if share > 0], dtype=np.float64)
    return float(max(0.0, -(known * np.log(known)).sum()) / np.log(max(len(shares), 2)))
