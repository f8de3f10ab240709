"""What a plan of several runs tries: a base that all share, and of each trial what differs from it.

**How a tool makes one.** It builds a `Group` and calls `plan_group` (trials.py), which gives a `Plan` like any other: `desk.cards.propose`
shows it, one yes starts it, once, as a group of runs (`g1`). What differs is an overlay: setting to value, where `model` and `dataset` are
allowed too, as in an edit of the card.

    Group(sort="sweep", trials=[{"image_size": 128}, {"image_size": 256}])
    Group(sort="many", trials=[{"model": "padim"}, {"model": "patchcore"}], minutes=10)
    Group(sort="recommend", trials=[{"model": "padim", "image_size": 128}, ...], minutes=5, told={"goal": "speed"})

The coordinator (assistant/groups/coordinator.py) begins the runs, keeps the minutes and ends bad ones; each run carries `group` and `trial`
({"number": 1, "differs": {...}}), and `judged` (assistant/groups/judging.py) reads what has become of them.
"""

import json
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.contract.data import DataFacts
from engine.contract.jobs import SpecError
from engine.contract.jobs.problems import in_words

Sort = Literal["many", "sweep", "recommend"]
OF_THE_GROUP = (
    "values",
    "models",
    "datasets",
    "minutes",
)  # what an edit of its card changes beside the base's settings
MOST_TRIALS = 24
LEAST_MINUTES, MOST_MINUTES = 0.01, 10_080.0  # a week, as of one run


class Span(BaseModel):
    """Where a number is looked for."""

    model_config = ConfigDict(extra="forbid")

    low: float
    high: float
    log: bool = False
    whole: bool = False


class Group(BaseModel):
    """What is tried."""

    model_config = ConfigDict(extra="ignore")

    sort: Sort
    trials: list[dict[str, Any]] = Field(default=[], description="overlays of the base, in the order in which they run")
    search: dict[str, Span] = Field(default={}, description="settings that are looked for instead of listed")
    most: int = Field(default=12, description="trials of a search")
    minutes: float | None = Field(default=None, gt=0, description="that all runs may work together")
    leaves_out: bool = Field(
        default=False,
        description="trials that do not suit the data or whose weights are nowhere are left out, not refused",
    )
    told: dict[str, Any] = Field(default={}, description="what else its maker wants to know at the end")

    @property
    def varied(self) -> list[str]:
        """The settings that differ between its trials, in the order in which they were named."""
        return list(dict.fromkeys([name for trial in self.trials for name in trial] + [*self.search]))

    def edited(self, changes: Mapping[str, Any]) -> "tuple[Group, dict[str, Any]]":
        """The group after an edit of its card, and the changes that are the base's.

        Raises:
            SpecError: the minutes are none that there can be.
        """
        rest = {name: value for name, value in changes.items() if name not in OF_THE_GROUP}
        update: dict[str, Any] = {}
        if "minutes" in changes:
            update["minutes"] = minutes_meant(None if changes["minutes"] == "" else changes["minutes"])
        if (values := _listed(changes.get("values"))) and len(self.varied) == 1:
            update |= {"trials": [{self.varied[0]: _read(value)} for value in values], "search": {}}
        models, datasets = _listed(changes.get("models")), _listed(changes.get("datasets"))
        if models or datasets:
            update["trials"] = crossed(models or self._named("model"), datasets or self._named("dataset"))
        return Group.model_validate({**self.model_dump(), **update}), rest

    def _named(self, what: str) -> list[str]:
        return list(dict.fromkeys(trial[what] for trial in self.trials if what in trial))


class _Minutes(BaseModel):
    minutes: float | None = Field(ge=LEAST_MINUTES, le=MOST_MINUTES)


def minutes_meant(minutes: Any) -> float | None:
    """The minutes that all runs of a group may work together; None is no limit.

    Raises:
        SpecError: they are no number, or outside of what is possible.
    """
    try:
        return _Minutes(minutes=minutes).minutes
    except ValidationError as error:
        raise SpecError([in_words(each, models=()) for each in error.errors()]) from None


def crossed(models: list[str], datasets: list[str]) -> list[dict[str, Any]]:
    """Each model on each data set; of what there is one or none, nothing differs."""
    return [
        {**({"dataset": dataset} if dataset else {}), **({"model": model} if model else {})}
        for dataset in datasets or [""]
        for model in models or [""]
    ]


class Trial(BaseModel):
    """One run of a group, whole: what was approved."""

    differs: dict[str, Any]
    job: dict[str, Any]
    data_path: str
    fingerprint: str | None
    work_s: float = Field(description="counted, not corrected by earlier runs")
    seconds: float = Field(description="expected")


class Approved(BaseModel):
    """What a group of runs is begun with; what a search comes upon differs from `base`, on data of these `facts`."""

    group: Group
    base: Trial
    trials: list[Trial] = []
    facts: DataFacts | None = None


def _listed(value: Any) -> list[Any]:
    if isinstance(value, str):
        return [each for each in value.replace(",", " ").split() if each]
    return list(value or [])


def _read(value: Any) -> Any:
    """What was typed as text, as the value that it is."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        return value
