"""Which run of a group did best, and what that is worth: whoever picks the best of several by the test images flatters it by them.

So one is chosen by one half of the test images, each type split evenly, and told by its figures on the other half, which had no say in it.
Where there are too few defects for halves, it is chosen by all of them, and that is said.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from assistant.kinds.judging import Judgement, Tested

FEWEST_IN_A_HALF = 10  # defective, and good: with fewer in each half neither says much


@dataclass(frozen=True)
class Contender:
    """A finished run of a group."""

    run: str
    tested: Tested
    seconds: float


@dataclass(frozen=True)
class Verdict:
    """The best of the runs on one data set.

    Args:
        best: its id; None where nothing tells which finds defects better: there are no defective test images.
        judged: its figures on images that did not choose it, where `held_back`, else on all.
        held_back: how many images these are, defective and good; None where it was chosen by all.
        by_all: the best by all images, which may be another.
        chosen_among: how many runs were compared.
        runner_up: the next best by the images that chose.
        fastest: the one that took the least time.
    """

    best: str | None
    judged: Judgement | None
    held_back: tuple[int, int] | None
    by_all: str | None
    chosen_among: int
    runner_up: str | None
    fastest: str


def verdict(contenders: Sequence[Contender]) -> Verdict | None:
    """Who is best; None where none has finished. Only images that all were tested with choose."""
    if not contenders:
        return None
    fastest = min(contenders, key=lambda each: each.seconds).run
    shared = set.intersection(*(set(each.tested.stratum) for each in contenders))
    tested = contenders[0].tested
    halves = halves_of({name: tested.stratum[name] for name in sorted(shared)})
    by_all = _ranked(contenders, None)
    if by_all[0].tested.judge(None).mean is None:
        return Verdict(None, None, None, None, len(contenders), None, fastest)
    counts = [_counted(half, tested) for half in halves]
    if len(contenders) < 2 or min(number for each in counts for number in each) < FEWEST_IN_A_HALF:
        second = by_all[1].run if len(by_all) > 1 else None
        judged = by_all[0].tested.judge(None)
        return Verdict(by_all[0].run, judged, None, by_all[0].run, len(contenders), second, fastest)
    ranked = _ranked(contenders, halves[0])
    judged = ranked[0].tested.judge(halves[1])
    return Verdict(ranked[0].run, judged, counts[1], by_all[0].run, len(contenders), ranked[1].run, fastest)


def halves_of(stratum: Mapping[str, str]) -> tuple[frozenset[str], frozenset[str]]:
    """The names in two halves, each stratum split evenly: ordered by stratum and name, they alternate."""
    ordered = sorted(stratum, key=lambda name: (stratum[name], name))
    return frozenset(ordered[::2]), frozenset(ordered[1::2])


def _counted(half: frozenset[str], tested: Tested) -> tuple[int, int]:
    """Defective and good of a half; where no stratum is good, all count as both."""
    good = sum(tested.stratum[name] in tested.good for name in half)
    return (len(half) - good, good) if tested.good else (len(half), len(half))


def _ranked(contenders: Sequence[Contender], half: frozenset[str] | None) -> list[Contender]:
    """The best first; of equals the quicker."""
    judged = {each.run: each.tested.judge(half).rank for each in contenders}
    return sorted(contenders, key=lambda each: (*(-figure for figure in judged[each.run]), each.seconds))
