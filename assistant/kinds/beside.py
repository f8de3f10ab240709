"""Two to six finished trainings of one kind on one data set, beside each other: the facts that page, chat and command line read alike.

Each kind makes them of its own results (assistant/kinds/<kind>/comparing.py). What is better is better than chance, after Holm's
correction for all pairs of one figure: `Line.of` marks no other.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any, Literal

from assistant.kinds.claims import Claim
from assistant.kinds.pairs import CHANCE, Difference, Pair, apart, holm, images_to_tell, overlap
from engine.contract.results import Interval, Results
from prompts.figures import Rounding

Mark = Literal["best", "worse"]
Test = Literal["delong", "mcnemar", "intervals"]


@dataclass(frozen=True)
class Value:
    """A figure of one run. `of`: the images that it is a number of. `label`: what it is the figure of, such as the worst type."""

    value: float | None = None
    interval: Interval | None = None
    of: int | None = None
    label: str | None = None
    beside: float | None = None  # a second figure of the same, such as the AUROC of a defect type
    mark: Mark | None = None


@dataclass(frozen=True)
class Tested:
    """Two runs by one figure. `ahead` has the better one; `better` only where that is more than chance, `corrected` for all pairs."""

    first: str
    second: str
    test: Test
    chance: float
    ahead: str | None
    spreads: float = 0.0
    difference: float | None = None
    interval: Interval | None = None
    only_first: int | None = None
    only_second: int | None = None
    corrected: float = 1.0
    better: str | None = None
    can_tell: bool = True  # two intervals that overlap do not

    @property
    def worse(self) -> str | None:
        return None if self.better is None else self.second if self.better == self.first else self.first


@dataclass(frozen=True)
class Line:
    """One figure of every run, in the order of the runs, and what its tests say of each pair; `given` are values of its name's words."""

    name: str
    rounding: Rounding
    values: list[Value]
    tests: list[Tested] = field(default_factory=list)
    given: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        name: str,
        rounding: Rounding,
        values: Mapping[str, Value],
        *,
        test: Callable[[str, str], Tested | None] | None = None,
        given: Mapping[str, Any] | None = None,
    ) -> "Line":
        """Of these runs; `test` tells of two of them which is ahead and how sure that is, or None where it cannot."""
        pairs = [test(*pair) for pair in combinations(values, 2)] if test is not None else []
        tests = sure([each for each in pairs if each is not None])
        marked = [replace(value, mark=_mark(run, list(values), tests)) for run, value in values.items()]
        return cls(name, rounding, marked, tests, dict(given or {}))

    def between(self, first: str, second: str) -> Tested | None:
        return next((each for each in self.tests if (each.first, each.second) == (first, second)), None)


@dataclass(frozen=True)
class Seen:
    """What one run made of a picture: the place of its files, score, what it called it, and whether that is right; None where nobody knows."""

    index: int
    score: float
    called: str
    right: bool | None


@dataclass(frozen=True)
class Picture:
    """A test image that all the runs saw. `label` is what it is, `type` of which defect."""

    name: str
    label: str
    type: str | None
    has_truth: bool
    seen: list[Seen]


@dataclass(frozen=True)
class Beside:
    """The runs beside each other. The first of `lines` that is named `decides` says which is better."""

    runs: list[str]
    decides: str
    same_images: bool
    lines: list[Line]
    types: list[Line]
    pictures: list[Picture]
    drawn: list[dict[str, Any]]  # of each run, what its pictures are drawn by
    claims: dict[tuple[str, str], list[Claim]] = field(default_factory=dict)

    def line(self, name: str) -> Line | None:
        return next((each for each in self.lines if each.name == name), None)


@dataclass(frozen=True)
class Verdict:
    """Which run is best by the figure that decides. `best` is None where that cannot be told; then `leads` is ahead of `tied` by no more
    than what chance does, and about `needed` test images would tell, were the differences as they appear; None: no number would."""

    figure: str
    images: int
    leads: str | None
    best: str | None
    tied: list[str]
    comparisons: int
    needed: int | None
    chance: float | None  # the largest corrected one of those that `leads` stands in


def verdict_of(beside: Beside) -> Verdict:
    """Best is who is better than each other one, by more than chance."""
    line = beside.line(beside.decides)
    images, known = len(beside.pictures), [] if line is None else line.tests
    measured = {} if line is None else dict(zip(beside.runs, line.values, strict=True))
    values = {run: value.value for run, value in measured.items() if value.value is not None}
    if not values:
        return Verdict(beside.decides, images, None, None, [], 0, None, None)
    leads = max(values, key=lambda run: (sum(each.better == run for each in known), values[run]))
    its = [each for each in known if leads in (each.first, each.second)]
    beaten = {each.worse for each in its if each.better == leads}
    tied = [run for run in beside.runs if run != leads and run not in beaten]
    wanted = [
        images_to_tell(images, each.spreads, comparisons=len(known))
        for each in its
        if {each.first, each.second} & {*tied} and each.test != "intervals"
    ]
    needed = max((each for each in wanted if each is not None), default=None) if None not in wanted else None
    best, chance = None if tied else leads, max((each.corrected for each in its), default=None)
    return Verdict(beside.decides, images, leads, best, tied, len(known), needed, chance)


def together(lines: Sequence[Line], runs: Sequence[str]) -> list[Line]:
    """Lines of one sort, such as the defect types, corrected for the tests of them all: among many types one differs by chance."""
    tests = iter(sure([test for line in lines for test in line.tests]))
    found = []
    for line in lines:
        of_line = [next(tests) for _ in line.tests]
        values = [replace(value, mark=_mark(run, runs, of_line)) for run, value in zip(runs, line.values, strict=True)]
        found.append(replace(line, tests=of_line, values=values))
    return found


def sure(tests: Sequence[Tested]) -> list[Tested]:
    """The tests of one figure, corrected for their number; who is better only where that is more than chance."""
    corrected = holm([each.chance for each in tests])
    return [
        replace(each, corrected=p, better=each.ahead if p < CHANCE and each.can_tell else None)
        for each, p in zip(tests, corrected, strict=True)
    ]


def by_images(first: str, second: str, split: Pair) -> Tested:
    """Who got more of the same images right."""
    of = (split.only_first, split.only_second)
    ahead = None if of[0] == of[1] else first if of[0] > of[1] else second
    return Tested(first, second, "mcnemar", split.chance, ahead, split.spreads, only_first=of[0], only_second=of[1])


def by_difference(first: str, second: str, difference: Difference) -> Tested:
    """Whose figure is higher on the same images."""
    value = difference.value
    ahead = None if not value else first if value > 0 else second
    return Tested(
        first,
        second,
        "delong",
        difference.chance,
        ahead,
        difference.spreads,
        difference=value,
        interval=difference.interval,
    )


def by_intervals(first: str, second: str, values: Mapping[str, Value], *, more_is_better: bool = True) -> Tested | None:
    """Whose figure is better, where only intervals tell how sure that is; None where one is missing."""
    a, b = values[first], values[second]
    if a.value is None or b.value is None or a.interval is None or b.interval is None:
        return None
    do = overlap(a.interval, b.interval)
    if do is None:
        return None
    shares = [each.value / each.of if each.of else each.value for each in (a, b) if each.value is not None]
    difference = apart((shares[0], a.interval), (shares[1], b.interval))
    is_first = (difference.value > 0) == more_is_better
    ahead = None if not difference.value else first if is_first else second
    chance, spreads = difference.chance, difference.spreads
    return Tested(first, second, "intervals", chance, ahead, spreads, difference=difference.value, can_tell=not do)


def in_one_order(results: Sequence[Results[Any, Any]]) -> Iterator[tuple[Any, ...]]:
    """The rows of each image that all of them saw under one label, in the order of the first."""
    others = [{row.name: row for row in each.rows} for each in results[1:]]
    for row in results[0].rows:
        rows = (row, *(each.get(row.name) for each in others))
        if all(each is not None and each.label == row.label for each in rows):
            yield rows


def _mark(run: str, runs: Sequence[str], tests: Sequence[Tested]) -> Mark | None:
    """Best is who is better than each other; worse, than whom another one is better."""
    if any(each.worse == run for each in tests):
        return "worse"
    beaten = {each.worse for each in tests if each.better == run}
    return "best" if len(runs) > 1 and beaten == {*runs} - {run} else None
