"""What the assistant must know of each kind of run: one folder per kind, found by its name.

A kind completes a job from the data, says what a person should know before the yes, and tells of a finished run. What all
kinds share (weights at hand, notices of the data, wording from a template) stands in the files beside the folders.
"""

import importlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic.fields import FieldInfo

from assistant.data.facts import NamedFacts
from assistant.frames import Estimate, Figure, HeatmapsItem, Notice, Portion
from assistant.kinds.beside import Beside
from assistant.kinds.claims import Claim, Outline
from assistant.kinds.judging import Tested
from assistant.kinds.reported import Reported
from assistant.runs.queue import Queue
from assistant.settings import Settings
from assistant.store.tables import RunRow
from engine.contract.data import DataFacts
from engine.contract.jobs import FIRST_KIND, KINDS, Job
from prompts.figures import Rounding

DEFAULT_KIND = FIRST_KIND  # what is meant where no kind is named


JobT = TypeVar("JobT", bound=Job, contravariant=True)


@dataclass(frozen=True)
class Advice:
    """A value for a setting, and why; the page words the reason by its code (locales: because.<code>). None goes without saying."""

    value: Any
    because: Notice | None


@dataclass(frozen=True)
class Built:
    """What was chosen with its runs filled in, and the settings that follow from those runs."""

    chosen: dict[str, Any]
    given: dict[str, Advice] = field(default_factory=dict)


class Kind(Protocol[JobT]):
    """One kind of run. `facts` are always those of a data set."""

    @property
    def name(self) -> str:
        """As jobs carry it."""

    @property
    def default_model(self) -> str: ...

    @property
    def main_settings(self) -> Sequence[str]:
        """Settings that a plan's card shows at once, in this order; the others stand behind "all settings"."""

    @property
    def wishes(self) -> Mapping[str, tuple[Any, FieldInfo]]:
        """What can be asked for and is no setting of the job, such as how many runs to take: type and description."""

    # ---- a plan ----

    def like_of(self, asked: Mapping[str, Any]) -> str | None:
        """The run that these settings say the plan is to be like; None where they name none."""

    def model_of(self, asked: Mapping[str, Any]) -> str | None:
        """The model that these settings and wishes name without saying so; None where they name none."""

    async def dataset_of(self, runs: Queue, asked: Mapping[str, Any], *, otherwise: str | None) -> str | None:
        """The data set that these settings and wishes imply; `otherwise` is that of the open plan.

        Raises:
            SpecError, UnknownRun: they name a run that cannot be meant.
        """

    async def build_on(
        self, runs: Queue, *, facts: NamedFacts, model: str, chosen: dict[str, Any], wishes: Mapping[str, Any]
    ) -> Built:
        """Fill in the runs that a training of this model builds on.

        Raises:
            SpecError: such a run is missing, has not finished, or does not fit, in words.
        """

    def advise(
        self, settings: Settings, *, facts: DataFacts, model: str, chosen: Mapping[str, Any]
    ) -> dict[str, Advice]:
        """Settings that suit the data and this machine better than the defaults. An unknown model gets none."""

    def backbone_for(self, settings: Settings, model: str, chosen: Mapping[str, Any]) -> str | None:
        """The network that a plan of this model takes where nobody names one, by the weights at hand; None where it has none."""

    def recommended(self, models: Iterable[str]) -> dict[str, Any]:
        """Those of these models that suit few good images, real time and no pre-trained weights, and the first choice `otherwise`."""

    def best_for(self, *, good: int, weights_at_hand: bool) -> list[str]:
        """The models to begin with on so many good images; none where their number does not tell."""

    def candidates(self, facts: DataFacts, goal: str) -> list[dict[str, Any]]:
        """What a recommendation by trial tries, the most promising first: overlays of a job, each with its model."""

    def on_a_cut(self, facts: DataFacts, goal: str, most_good: int | None) -> dict[str, Any]:
        """The settings that all trials share, so that they are quick and can be compared; `most_good` None is no cut."""

    def refuse(self, settings: Settings, job: JobT, facts: DataFacts, *, chosen: Mapping[str, Any]) -> None:
        """Raises SpecError where a valid job cannot run on this data or this machine; `chosen` is what somebody asked for of it."""

    def notices(
        self, settings: Settings, job: JobT, *, chosen: Mapping[str, Any], facts: DataFacts, estimate: Estimate
    ) -> list[Notice]:
        """What a person should know before saying yes, the gravest first."""

    def without_effect(self, job: JobT) -> set[str]:
        """Settings that every job of this kind has and this one makes no use of: its form does not show them."""

    def work(self, job: JobT, facts: DataFacts) -> float:
        """How much there is to do, in seconds on this machine; earlier runs of this machine correct it."""

    def in_short(self, job: JobT, facts: DataFacts) -> str:
        """Model, data and what matters most of the settings, in a line of English for a terminal."""

    def figures(self, job: JobT, facts: DataFacts) -> list[Figure]:
        """How much the run learns from, as a plan's card shows it."""

    def portions(self, job: JobT, facts: DataFacts) -> list[Portion]:
        """What the images of each class are for, where a run learns classes; none where it does not."""

    # ---- a finished run ----

    @property
    def counted(self) -> Sequence[str]:
        """Metrics that are whole numbers."""

    @property
    def listed(self) -> Mapping[str, str]:
        """The metric that a column of figures in the list of runs shows of its runs, by the column: worst, missed, overkill."""

    @property
    def told_to_scripts(self) -> Sequence[str]:
        """Which of its facts `murascope train --json` tells beside the metrics."""

    def facts(self, row: RunRow, folder: Path) -> dict[str, Any]:
        """Everything that may be said about a finished run, beside what is true of all (assistant/kinds/summary.py).

        Raises:
            NoResults: the run has not ended well, or its evaluation cannot be read.
        """

    def claims(self, row: RunRow, folder: Path, others: Sequence[tuple[RunRow, Path]] = ()) -> list[Claim]:
        """Everything that may be said about a finished run, each with an id (assistant/telling words it).

        Args:
            others: other finished runs of this kind on the same data, the newest first: evidence for what to do next.

        Raises:
            NoResults: as `facts`.
        """

    def claims_of_image(self, row: RunRow, folder: Path, index: int) -> list[Claim]:
        """Why one inspected image was judged as it was, each claim with an id.

        Raises:
            NoResults: as `facts`.
            LookupError: there is no image with that index.
        """

    @property
    def outlines(self) -> Mapping[str, Outline]:
        """Which of its claims make an answer, in which order: `summary`, what is said of a finished run unasked; `good`, `trust`, `overfit`,
        `why` and `worst`, what is answered about it; `compared`, what is said of two; `image`, why one inspected image was judged so."""

    def beside(self, runs: Sequence[tuple[RunRow, Path]]) -> Beside:
        """Finished runs of this kind on one data set beside each other, each with its folder: figures, tests, and what may be said of
        each two.

        Raises:
            NoResults: as `facts`, of any.
        """

    def tested(self, row: RunRow, folder: Path) -> Tested:
        """Its test images, to judge it by all or by a part of them.

        Raises:
            NoResults: as `facts`.
        """

    def rounding_of(self, metric: str) -> Rounding:
        """How a figure of that name is rounded."""

    def results(self, row: RunRow, folder: Path) -> dict[str, Any]:
        """What the run's page draws: `metrics` as they stand, and in `images` one entry for each inspected image.

        Raises:
            NoResults: as `facts`.
        """

    def report(self, row: RunRow, folder: Path) -> Reported:
        """What its report tells of a finished run, for the template report.html.j2 in the kind's folder.

        Raises:
            NoResults: as `facts`.
        """

    @property
    def pictures(self) -> Sequence[str]:
        """The sorts of pictures that its evaluation holds of each inspected image."""

    @property
    def galleries(self) -> Mapping[str, str]:
        """Which inspected images can be asked for, each with what it holds, in English. The first is shown when none is named, the last
        holds all. People hear of them by `told.gallery.<kind>.<name>` (prompts/kinds/<kind>/), and ask for them in the words of
        phrases.toml."""

    def gallery(
        self, row: RunRow, folder: Path, *, which: str | None = None, defect_type: str | None = None, count: int
    ) -> HeatmapsItem:
        """The images that fit, the most telling first.

        Raises:
            NoResults: as `facts`.
            LookupError: there is no such gallery, or no image of that defect type.
        """


@cache
def kind_names() -> list[str]:
    """Every kind of run, the one that is meant by default first."""
    return sorted(KINDS, key=lambda name: (name != DEFAULT_KIND, name))


@cache
def kind_of(name: str) -> Kind[Any]:
    """The kind of that name.

    Raises:
        LookupError: there is none; those there are.
    """
    if name not in KINDS:
        raise LookupError(f"unknown task {name!r} (have: {', '.join(kind_names())})")
    kind: Kind[Any] = importlib.import_module(f"{__name__}.{name}").KIND
    return kind


def kind_for(facts: DataFacts) -> str:
    """The kind of run that is offered for a data set: the first that can learn from it; the usual one where none can."""
    return next((name for name in kind_names() if not facts.unfit.get(name)), DEFAULT_KIND)


def kind_of_model(model: str) -> str | None:
    """The kind that trains a model of this name, where one does."""
    return next((name for name in kind_names() if model in KINDS[name].models()), None)
