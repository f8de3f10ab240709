"""What has become of a group of runs, as facts: for its card, its page, a terminal, a script, and the words at its end."""

import asyncio
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from assistant.groups.judging import Contender, Verdict, verdict
from assistant.groups.recommending import recommended
from assistant.groups.trials import differs_of, is_cut, number_of, spent_s, worked_s
from assistant.kinds import kind_of
from assistant.kinds.judging import Judgement, Tested
from assistant.kinds.summary import title_of
from assistant.plans.group import Approved, Span
from assistant.runs.place import RunElsewhere
from assistant.runs.queue import Queue
from assistant.runs.results import NoResults
from assistant.store.tables import ENDED, GroupRow, RunRow
from engine.contract.jobs import KINDS

KEPT_TESTS = 64  # finished runs whose test images are kept read
GroupState = Literal["running", "finished", "stopped"]


class Figures(BaseModel):
    """Of some test images (assistant/kinds/judging.py); None where they cannot be measured."""

    worst: float | None
    worst_of: str | None
    mean: float | None
    missed: tuple[int, int] | None
    overkill: tuple[int, int] | None
    made_up: bool = False


class TrialTold(BaseModel):
    """A trial: begun, as the run `run`, or not yet."""

    number: int
    run: str | None
    state: str  # as of a run; waiting: not begun yet; not_begun: the group ended before
    began: bool = False  # its run: one that was stopped while it waited has not
    cut: str | None = None  # worse, budget
    reason: str | None = None
    dataset: str
    model: str
    model_title: str
    differs: dict[str, Any]
    seconds: float | None  # it worked; of one that has not begun, as expected
    figures: Figures | None = None
    ms_per_image: float | None = None
    model_mb: float | None = None

    @property
    def mean(self) -> float | None:
        return self.figures.mean if self.figures is not None else None

    @property
    def worst(self) -> float | None:
        return self.figures.worst if self.figures is not None else None


class VerdictTold(BaseModel):
    """The best on one data set (assistant/groups/judging.py)."""

    dataset: str
    by: tuple[str, str] | None
    best: str | None
    figures: Figures | None
    held_back: tuple[int, int] | None
    by_all: str | None
    chosen_among: int
    runner_up: str | None
    fastest: str
    recommended: str | None = None  # of a recommendation by trial: what suits the goal


class GroupTold(BaseModel):
    """A group of runs as it is now."""

    group: str
    sort: str
    state: GroupState
    stopping: bool
    conversation: str | None
    datasets: list[str]
    model: str
    model_title: str
    varied: list[str]
    search: dict[str, Span]
    budget_s: float | None
    spent_s: float
    total: int
    done: int
    trials: list[TrialTold]
    verdicts: list[VerdictTold]
    told: dict[str, Any]


async def group_told(runs: Queue, group: GroupRow) -> GroupTold:
    """What stands on record of it now."""
    rows = await runs.of_group(group.id)
    return await asyncio.to_thread(_told, runs, group, rows)


def _told(runs: Queue, group: GroupRow, rows: Sequence[RunRow]) -> GroupTold:
    approved = Approved.model_validate(group.plan)
    state: GroupState = "running" if group.ended is None else "stopped" if group.ended == "stopped" else "finished"
    found = {row.id: tested for row in rows if (tested := _tested(runs, row)) is not None}
    trials = [_trial(row, found.get(row.id)) for row in rows]
    begun = max((each.number for each in trials), default=0)
    if not approved.group.search:
        trials += [
            _to_come(number, trial.job, trial.differs, trial.seconds, state)
            for number, trial in enumerate(approved.trials[begun:], begun + 1)
        ]
    on: dict[str, list[RunRow]] = {}
    for row in rows:
        if row.id in found:
            on.setdefault(row.dataset, []).append(row)
    return GroupTold(
        group=group.id,
        sort=group.sort,
        state=state,
        stopping=group.stop_requested and group.ended is None,
        conversation=group.conversation,
        datasets=list(dict.fromkeys([*(each.dataset for each in trials), group.dataset])),
        model=group.subject,
        model_title=_title(approved.base.job["kind"], group.subject),
        varied=approved.group.varied,
        search=approved.group.search,
        budget_s=group.budget_s,
        spent_s=spent_s(rows),
        total=approved.group.most if approved.group.search else len(approved.trials),
        done=sum(row.state in ENDED and row.started_at is not None for row in rows),
        trials=trials,
        verdicts=[
            _recommending(_verdict(dataset, of, found), group.sort, approved, trials) for dataset, of in on.items()
        ],
        told=approved.group.told,
    )


def _trial(row: RunRow, tested: Tested | None) -> TrialTold:
    return TrialTold(
        number=number_of(row),
        run=row.id,
        state=row.state,
        began=row.started_at is not None,
        cut=is_cut(row),
        reason=row.reason,
        dataset=row.dataset,
        model=row.subject,
        model_title=title_of(row),
        differs=differs_of(row),
        seconds=worked_s(row),
        figures=_figures(tested.judge(None)) if tested is not None else None,
        ms_per_image=tested.ms_per_image if tested is not None else None,
        model_mb=tested.model_mb if tested is not None else None,
    )


def _to_come(number: int, job: dict[str, Any], differs: dict[str, Any], seconds: float, state: GroupState) -> TrialTold:
    return TrialTold(
        number=number,
        run=None,
        state="waiting" if state == "running" else "not_begun",
        dataset=job["dataset"],
        model=job["model"]["name"],
        model_title=_title(job["kind"], job["model"]["name"]),
        differs=differs,
        seconds=seconds,
    )


def _title(kind: str, model: str) -> str:
    models = KINDS[kind].models()
    return models[model].title if model in models else model


def _figures(judged: Judgement) -> Figures:
    return Figures(
        worst=judged.worst,
        worst_of=judged.worst_of,
        mean=judged.mean,
        missed=judged.missed,
        overkill=judged.overkill,
        made_up=judged.made_up,
    )


def _verdict(dataset: str, rows: Sequence[RunRow], found: dict[str, Tested]) -> VerdictTold:
    said: Verdict | None = verdict([Contender(row.id, found[row.id], worked_s(row)) for row in rows])
    assert said is not None
    return VerdictTold(
        dataset=dataset,
        by=said.judged.by if said.judged is not None else None,
        best=said.best,
        figures=_figures(said.judged) if said.judged is not None else None,
        held_back=said.held_back,
        by_all=said.by_all,
        chosen_among=said.chosen_among,
        runner_up=said.runner_up,
        fastest=said.fastest,
    )


def _recommending(said: VerdictTold, sort: str, approved: Approved, trials: Sequence[TrialTold]) -> VerdictTold:
    if sort != "recommend" or said.best is None:
        return said
    measured = [each for each in trials if each.figures is not None and each.dataset == said.dataset]
    goal = str(approved.group.told.get("goal", "accuracy"))
    return said.model_copy(update={"recommended": recommended(goal, said.best, measured)})


def _tested(runs: Queue, row: RunRow) -> Tested | None:
    """Its test images; None of a run that has no results, or whose folder lies in another home."""
    if row.state != "succeeded":
        return None
    try:
        return _Read(row).tested(runs.folder_of(row))
    except (NoResults, RunElsewhere):
        return None


class _Read:
    """A run whose test images are kept read as long as its figures are the same: they follow the threshold in force."""

    def __init__(self, row: RunRow):
        self.row = row
        self._as = (row.id, row.finished_at, repr(row.metrics))

    def tested(self, folder: Path) -> Tested:
        return _kept(self, folder)

    def __hash__(self) -> int:
        return hash(self._as)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Read) and other._as == self._as


@lru_cache(KEPT_TESTS)
def _kept(run: _Read, folder: Path) -> Tested:
    return kind_of(run.row.kind).tested(run.row, folder)
