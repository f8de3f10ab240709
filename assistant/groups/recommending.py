"""A recommendation by trial: what is tried on which cut of the data within the minutes that somebody names, and which run it comes to.

The best by the test images (judging.py) is recommended for accuracy and for few good images. For speed and memory it is the quickest or the
smallest of those that are nearly as good: what differs by less than NEAR is hardly told apart by the images of a trial.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, Protocol, get_args

from assistant.data.datasets import Datasets
from assistant.data.facts import NamedFacts
from assistant.kinds import kind_for, kind_of
from assistant.plans.group import Group, minutes_meant
from assistant.plans.plan import Plan, plan_on
from assistant.plans.trials import is_left_out, plan_group
from assistant.runs.queue import Queue
from assistant.settings import Settings
from engine.contract.jobs import SpecError

Goal = Literal["accuracy", "speed", "memory", "few_shot"]
GOALS: tuple[Goal, ...] = get_args(Goal)
MINUTES = 5.0  # where nobody names any
CUTS = (None, 400, 200, 100, 60, 40)  # good images that a trial learns from, the most first; None is all
FILLED = 0.9  # of the minutes, by the estimates
ENOUGH = 0.7  # of the candidates must be tried before more images are learnt from
MOST_OF_THEM = 0.3  # of the minutes that one trial may be expected to take
NEAR_MEAN, NEAR_WORST = 0.02, 0.05  # of an AUROC


async def recommendation(
    settings: Settings, runs: Queue, facts: NamedFacts, *, kind: str, goal: Goal, minutes: float
) -> tuple[Group, str, dict[str, Any]]:
    """The group of trials, the model of its base, and the settings that all share: on as many good images as the minutes allow."""
    tried = kind_of(kind).candidates(facts, goal)
    shared: dict[str, Any] = {}
    made: dict[int, Plan] = {}
    for cut in CUTS:
        if cut is not None and cut >= facts.train_good and made:
            continue
        shared = kind_of(kind).on_a_cut(facts, goal, cut)
        made = await _made(settings, runs, facts, kind, shared, tried)
        within = [
            seconds for each in made.values() if (seconds := each.estimate.seconds) <= MOST_OF_THEM * minutes * 60
        ]
        if len(within) >= ENOUGH * len(made) and sum(within) <= FILLED * minutes * 60:
            break
    limit = max(MOST_OF_THEM * minutes * 60, min((each.estimate.seconds for each in made.values()), default=0.0))
    too_long = {number for number, each in made.items() if each.estimate.seconds > limit}
    trials = [
        overlay for number, overlay in enumerate(tried) if number not in too_long
    ]  # what has no plan is left out with the reason
    first = tried[min(made)] if made else tried[0]
    told = {"goal": goal, "most_good": shared.get("most_good"), "good": facts.train_good}
    group = Group(sort="recommend", trials=trials, minutes=minutes, leaves_out=True, told=told)
    return group, str(first["model"]), shared


async def plan_recommendation(
    settings: Settings, datasets: Datasets, runs: Queue, facts: NamedFacts, *, goal: Goal, minutes: float
) -> Plan:
    """The plan of it, on data whose facts are known, registered or not.

    Raises:
        SpecError, DatasetError: no model can be tried on these data, or in so many minutes, in words.
    """
    minutes_meant(minutes)
    kind = kind_for(facts)
    group, model, shared = await recommendation(settings, runs, facts, kind=kind, goal=goal, minutes=minutes)
    what: dict[str, Any] = {"kind": kind, "dataset": facts.dataset, "model": model, "chosen": shared}
    return await plan_group(settings, datasets, runs, group, facts=facts, **what)


async def _made(
    settings: Settings,
    runs: Queue,
    facts: NamedFacts,
    kind: str,
    shared: Mapping[str, Any],
    tried: Sequence[dict[str, Any]],
) -> dict[int, Plan]:
    """The plans of those that can be tried here, by their places."""
    plans: dict[int, Plan] = {}
    for number, overlay in enumerate(tried):
        asked = {**shared, **overlay}
        try:
            made = await plan_on(settings, runs, facts, kind=kind, model=str(asked.pop("model")), chosen=asked)
        except SpecError:
            continue
        if not is_left_out(made):
            plans[number] = made
    return plans


class Trial(Protocol):
    """A finished trial of a group (told.py)."""

    @property
    def run(self) -> str | None: ...
    @property
    def mean(self) -> float | None: ...
    @property
    def worst(self) -> float | None: ...
    @property
    def ms_per_image(self) -> float | None: ...
    @property
    def model_mb(self) -> float | None: ...


def recommended(goal: str, best: str, trials: Sequence[Trial]) -> str:
    """The run that suits the goal, of those whose figures are close to those of the best."""
    measure = {"speed": lambda each: each.ms_per_image, "memory": lambda each: each.model_mb}.get(goal)
    first = next(each for each in trials if each.run == best)
    if measure is None or measure(first) is None:
        return best
    near = [each for each in trials if measure(each) is not None and _is_near(each, first)]
    return min(near, key=measure).run or best


def _is_near(one: Trial, best: Trial) -> bool:
    pairs = ((one.mean, best.mean, NEAR_MEAN), (one.worst, best.worst, NEAR_WORST))
    return all(its is not None and its >= of_best - near for its, of_best, near in pairs if of_best is not None)
