"""Two to six runs beside each other, as the page, the command line and the chat read them: figures and tests of those that can be compared,
how their settings differ, and which cannot be compared and why."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, cast

from assistant.kinds import kind_of
from assistant.kinds.beside import Beside, Verdict, verdict_of
from assistant.kinds.learning_curve import epochs_of
from assistant.kinds.summary import title_of
from assistant.plans.form import describe
from assistant.refused import Refused
from assistant.runs.place import RunElsewhere
from assistant.runs.results import NoResults
from assistant.runs.took import took
from assistant.store.tables import RunRow
from engine.contract.jobs import read_job

FEWEST, MOST = 2, 6
NO_MATTER = ("seed", "device", "time_limit_min")  # settings whose difference is told by nobody who compares
Run = tuple[RunRow, Path]
FolderOf = Callable[[RunRow], Path]
Why = Literal["unfinished", "failed", "stopped", "damaged", "gone", "elsewhere", "other_kind", "other_data"]


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
    """One that is not, and why: `file` is the one that is damaged or gone, `host` the machine that its folder lies on."""

    run: str
    why: Why
    state: str
    kind: str
    dataset: str
    file: str = ""
    host: str = ""


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
    """Those of the runs that are of one kind, on one data set, and have results that can be read: at least two of them where `beside` is told."""

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


def side_by_side(rows: Sequence[RunRow], folder_of: FolderOf) -> SideBySide:
    """The facts of these runs; the first whose results can be read says what the others are compared with.

    Raises:
        NotComparable: fewer than two, or more than six.
    """
    check_number(len(rows))
    readable, without = readable_of(rows, folder_of)
    first = readable[0][0] if readable else rows[0]
    other = [(row, _other_than(row, first)) for row, _ in readable]
    left = {each.run: each for each in [*without, *(_left_out(row, why) for row, why in other if why is not None)]}
    left_out = [left[row.id] for row in rows if row.id in left]
    alike = [each for each in readable if each[0].id not in left]
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


def readable_of(rows: Sequence[RunRow], folder_of: FolderOf) -> tuple[list[Run], list[LeftOut]]:
    """Those of these runs whose results can be read, each with its folder, and the others with the reason.

    `folder_of` raises RunElsewhere for a run of another home.
    """
    readable, left_out = [], []
    for row in rows:
        try:
            folder = folder_of(row)
            kind_of(row.kind).facts(row, folder)
        except RunElsewhere as error:
            left_out.append(_left_out(row, "elsewhere", host=error.values["host"]))
        except NoResults as error:
            left_out.append(_left_out(row, cast(Why, error.code), file=error.values["file"]))
        else:
            readable.append((row, folder))
    return readable, left_out


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


def _other_than(row: RunRow, first: RunRow) -> Why | None:
    return "other_kind" if row.kind != first.kind else "other_data" if row.dataset != first.dataset else None


def _left_out(row: RunRow, why: Why, **more: str) -> LeftOut:
    return LeftOut(row.id, why, row.state, row.kind, row.dataset, **more)


def _learnt(run: Run) -> Learnt:
    row, folder = run
    epochs = epochs_of(folder)
    losses = [each.loss for each in epochs], [each.val_loss for each in epochs]
    return Learnt(row.id, [each.epoch for each in epochs], *losses)
