"""Two to six runs beside each other, as the page, the command line and the chat read them: figures and tests of those that can be compared,
how their settings differ, and which cannot be compared and why."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from assistant.kinds import kind_of
from assistant.kinds.beside import Beside, Verdict, verdict_of
from assistant.kinds.learning_curve import epochs_of
from assistant.kinds.summary import title_of
from assistant.plans.form import describe
from assistant.refused import Refused
from assistant.runs.took import took
from assistant.store.tables import RunRow
from engine.contract.jobs import read_job

FEWEST, MOST = 2, 6
NO_MATTER = ("seed", "device", "time_limit_min")  # settings whose difference is told by nobody who compares
Run = tuple[RunRow, Path]
Why = Literal["unfinished", "other_kind", "other_data"]


class NotComparable(Refused):
    """So many runs are not compared: `count` of them."""

    def __init__(self, count: int, message: str):
        super().__init__("not_comparable", message)
        self.values = {"count": count}
        self.status = 422


@dataclass(frozen=True)
class Told:
    """One of the runs that are compared."""

    run: str
    name: str
    title: str
    took_s: float | None


@dataclass(frozen=True)
class LeftOut:
    """One that is not, and why."""

    run: str
    why: Why
    state: str
    kind: str
    dataset: str


@dataclass(frozen=True)
class Differs:
    """A setting of which two of the runs have another value; None of one that has no such setting."""

    name: str
    values: list[Any]


@dataclass(frozen=True)
class Learnt:
    """The losses of a run that learnt by epochs."""

    run: str
    epochs: list[int]
    loss: list[float]
    val_loss: list[float | None]


@dataclass(frozen=True)
class SideBySide:
    """Those of the runs that are of one kind, on one data set, and finished: at least two of them where `beside` is told."""

    kind: str
    dataset: str
    runs: list[Told]
    left_out: list[LeftOut]
    same_data: bool  # whether the images of the data set were the same ones
    settings: list[Differs]
    learnt: list[Learnt]
    beside: Beside | None
    verdict: Verdict | None

    def facts(self) -> dict[str, Any]:
        """As JSON types, without what is worded (assistant/telling/comparisons.py)."""
        found = asdict(self)
        if found["beside"] is not None:
            del found["beside"]["claims"]
        return found


def side_by_side(runs: Sequence[Run]) -> SideBySide:
    """The facts of these runs; the first that has finished says what the others are compared with.

    Raises:
        NotComparable: fewer than two, or more than six.
        NoResults: the evaluation of one that has finished cannot be read.
    """
    check_number(len(runs))
    finished = [row for row, _ in runs if row.state == "succeeded"]
    first = finished[0] if finished else runs[0][0]
    why = {row.id: _why_not(row, first) for row, _ in runs}
    alike = [each for each in runs if why[each[0].id] is None]
    left_out = [
        LeftOut(row.id, reason, row.state, row.kind, row.dataset)
        for row, _ in runs
        if (reason := why[row.id]) is not None
    ]
    beside = kind_of(first.kind).beside(alike) if len(alike) >= FEWEST else None
    return SideBySide(
        kind=first.kind,
        dataset=first.dataset,
        runs=[Told(row.id, row.name, title_of(row), took(row, folder)) for row, folder in alike],
        left_out=left_out,
        same_data=len({row.fingerprint for row, _ in alike if row.fingerprint}) <= 1,
        settings=settings_that_differ([row for row, _ in alike]),
        learnt=[each for each in map(_learnt, alike) if each.epochs],
        beside=beside,
        verdict=verdict_of(beside) if beside is not None else None,
    )


def check_number(many: int) -> None:
    """Raises NotComparable for fewer than two, or more than six."""
    if not FEWEST <= many <= MOST:
        raise NotComparable(many, f"name two to six finished runs to compare, not {many}")


def settings_that_differ(rows: Sequence[RunRow]) -> list[Differs]:
    """Of the settings that any of them has; those of a model alone where another has it too."""
    each = [settings_of(row) for row in rows]
    names = dict.fromkeys(name for settings in each for name in settings if name not in NO_MATTER)
    shared = [name for name in names if sum(name in settings for settings in each) > 1 or len(rows) < FEWEST]
    found = [Differs(name, [settings.get(name) for settings in each]) for name in shared]
    return [one for one in found if any(value != one.values[0] for value in one.values)]


def settings_of(row: RunRow) -> Mapping[str, Any]:
    return {setting.name: setting.value for setting in describe(read_job(row.spec))}


def _why_not(row: RunRow, first: RunRow) -> Why | None:
    if row.state != "succeeded":
        return "unfinished"
    return "other_kind" if row.kind != first.kind else "other_data" if row.dataset != first.dataset else None


def _learnt(run: Run) -> Learnt:
    row, folder = run
    epochs = epochs_of(folder)
    losses = [each.loss for each in epochs], [each.val_loss for each in epochs]
    return Learnt(row.id, [each.epoch for each in epochs], *losses)
