"""Tool: plan a recommendation by trial as a group of runs, and show it as a card. Starts nothing."""

from typing import Annotated, Any

from pydantic import Field
from pydantic_ai import RunContext

from assistant.data.datasets import DatasetError
from assistant.groups.recommending import MINUTES, Goal, plan_recommendation
from assistant.tools import Traits
from assistant.tools.desk import Desk
from assistant.tools.meant import dataset_spoken_of, only_dataset, talked_about
from engine.contract.jobs import SpecError

TRAITS = Traits(changes=True)


async def recommend_model(
    ctx: RunContext[Desk],
    dataset: str | None = None,
    goal: Goal | None = None,
    minutes: Annotated[float, Field(gt=0)] | None = None,
) -> dict[str, Any]:
    """Find out by trial which model to train: plan short trainings of the models that suit the data, on a cut of its good images, as a group,
    and show it to the user as a card. Nothing starts. They are judged by the labelled defects, or where there are hardly any by synthetic
    ones, which is a guess. The best is recommended at the end, to be trained whole. After it, call start_training.

    Args:
        dataset: name of a registered data set; left out: that of the plan or run talked about, or the only one.
        goal: what matters most: accuracy (left out), speed or memory of the inspection, or few_shot, that few good images suffice.
        minutes: that all trials together may take; left out: 5.
    """
    desk = ctx.deps
    before = await desk.proposals.latest_open(desk.conversation) or await talked_about(desk)
    if dataset is None and before is not None and before.dataset in await desk.datasets.names():
        dataset = before.dataset
    dataset = dataset or await dataset_spoken_of(desk) or await only_dataset(desk)
    parts = (desk.settings, desk.datasets, desk.runs)
    try:
        facts = await desk.datasets.facts(dataset)
        made = await plan_recommendation(*parts, facts, goal=goal or "accuracy", minutes=minutes or MINUTES)
    except (SpecError, DatasetError) as error:
        raise desk.refuse_input(error) from None
    row = await desk.cards.propose(made)
    tried = [each for each in made.trials if each.left_out is None]
    assert made.group is not None
    return {
        "proposal": row.id,
        "new": row.id,
        "dataset": facts.dataset,
        "goal": goal or "accuracy",
        "minutes": made.group.minutes,
        "trials": len(tried),
        "models": list(dict.fromkeys(each.differs.get("model", made.spec.subject) for each in tried)),
        "most_good": made.chosen.get("most_good"),
        "good": facts.train_good,
        "test_defects": made.chosen.get("test_defects"),
        "left_out": [
            {**each.differs, "reason": each.left_out.message} for each in made.trials if each.left_out is not None
        ],
        "expected_seconds": round(made.estimate.seconds),
        "notices": [notice.message for notice in made.notices],
    }
