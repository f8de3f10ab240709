"""Tool: plan the training of several models, or on several data sets, as a group of runs, and show it as a card. Starts nothing."""

from typing import Any

from pydantic_ai import RunContext

from assistant.data.datasets import DatasetError
from assistant.kinds import kind_for, kind_of, kind_of_model
from assistant.plans.group import Group, crossed
from assistant.plans.trials import plan_group
from assistant.tools import Traits
from assistant.tools.desk import Desk
from assistant.tools.meant import dataset_spoken_of, only_dataset, talked_about
from engine.contract.jobs import SpecError

GOAL = "accuracy"  # by which the models that suit are ordered where nobody names any


TRAITS = Traits(changes=True)


async def train_many(
    ctx: RunContext[Desk], datasets: list[str] | None = None, models: list[str] | None = None
) -> dict[str, Any]:
    """Plan trainings of several models, of one on several data sets, or of each on each, as a group, and show it to the user as a card: one
    yes for all. Nothing starts. What does not suit the data, or has no weights here, is left out with the reason. At the end they are
    compared. After it, call start_training.

    Args:
        datasets: names of registered data sets; left out: that of the plan or run talked about, or the only one; where several are meant
            and none is named, all.
        models: left out: all that suit the data where one data set is meant, else the usual one.
    """
    desk = ctx.deps
    on = list(dict.fromkeys(datasets or [])) or await _meant(desk, several=len(models or []) == 1)
    try:
        facts = await desk.datasets.facts(on[0])
        kind = kind_of((kind_of_model(models[0]) if models else None) or kind_for(facts))
        if models:
            named = list(dict.fromkeys(models))
        elif len(on) > 1:
            named = [kind.default_model]
        else:
            named = list(dict.fromkeys(each["model"] for each in kind.candidates(facts, GOAL)))
        trials = crossed(named if len(named) > 1 else [], on if len(on) > 1 else [])
        group = Group(sort="many", trials=trials, leaves_out=True)
        made = await plan_group(
            desk.settings, desk.datasets, desk.runs, group, kind=kind.name, dataset=on[0], model=named[0], chosen={}
        )
    except (SpecError, DatasetError) as error:
        raise desk.refuse_input(error) from None
    row = await desk.cards.propose(made)
    taken = [each for each in made.trials if each.left_out is None]
    return {
        "proposal": row.id,
        "new": row.id,
        "datasets": on,
        "models": [name for name in named if any(each.differs.get("model", name) == name for each in taken)],
        "trainings": len(taken),
        "left_out": [
            {**each.differs, "reason": each.left_out.message} for each in made.trials if each.left_out is not None
        ],
        "expected_seconds": round(made.estimate.seconds),
        "notices": [notice.message for notice in made.notices],
    }


async def _meant(desk: Desk, *, several: bool) -> list[str]:
    """The data sets that are meant where none is named: `several`, for one model on one of them would be no group."""
    names = list(await desk.datasets.names())
    if several and len(names) > 1:
        return names
    before = await desk.proposals.latest_open(desk.conversation) or await talked_about(desk)
    if before is not None and before.dataset in names:
        return [before.dataset]
    return [await dataset_spoken_of(desk) or await only_dataset(desk)]
