"""Tool: plan the tuning of a setting as a group of runs, and show it as a card. Starts nothing."""

from typing import Any

from pydantic_ai import RunContext

from assistant.data.datasets import DatasetError
from assistant.kinds import DEFAULT_KIND, kind_of, kind_of_model
from assistant.plans.plan import plan
from assistant.plans.trials import plan_group
from assistant.plans.tuning import tuned
from assistant.tools import Traits
from assistant.tools.desk import Desk
from assistant.tools.meant import chosen_before, dataset_spoken_of, only_dataset, talked_about
from engine.contract.jobs import SpecError

FIRST = "image_size"  # what is tuned where nobody says: which defects can be seen follows from it most


TRAITS = Traits(changes=True)


async def sweep(
    ctx: RunContext[Desk],
    setting: str | None = None,
    dataset: str | None = None,
    model: str | None = None,
    values: list[Any] | None = None,
    minutes: float | None = None,
) -> dict[str, Any]:
    """Tune a setting: plan one training for each of its values, or a search for the best one, as a group, and show it to the user as a
    card. Nothing starts. The best is told by its worst defect type, with how far the choice flatters it. After it, call start_training.

    Args:
        setting: name of any setting of a training, such as image_size, coreset_ratio or learning_rate; left out: image_size.
        dataset: name of a registered data set; left out: that of the plan or run talked about, or the only one.
        model: left out: that of the plan or run talked about.
        values: that are tried; left out: some that are sensible.
        minutes: that all trainings together may take.
    """
    desk = ctx.deps
    before = await desk.proposals.latest_open(desk.conversation) or await talked_about(desk)
    model = model or (before.subject if before is not None else kind_of(DEFAULT_KIND).default_model)
    dataset = dataset or (before.dataset if before is not None else None)
    if dataset not in await desk.datasets.names() and before is not None and dataset == before.dataset:
        dataset = None  # it was trained on data that are gone
    dataset = dataset or await dataset_spoken_of(desk) or await only_dataset(desk)
    chosen = await chosen_before(desk, before, model) if before is not None else {}
    tried = (setting or FIRST).removeprefix("model.")
    kind = kind_of_model(model) or DEFAULT_KIND
    parts = (desk.settings, desk.datasets, desk.runs)
    rest = {name: value for name, value in chosen.items() if name != tried}
    try:
        base = await plan(*parts, kind=kind, dataset=dataset, model=model, chosen=rest)
        group = tuned(base, tried, values or (), minutes)
        made = await plan_group(*parts, group, kind=kind, dataset=dataset, model=model, chosen=rest)
    except (SpecError, DatasetError) as error:
        raise desk.refuse_input(error) from None
    row = await desk.cards.propose(made)
    return {
        "proposal": row.id,
        "new": row.id,
        "dataset": dataset,
        "model": model,
        "setting": tried,
        "values": [each.differs[tried] for each in made.trials if each.left_out is None],
        "searched": [[span.low, span.high] for span in group.search.values()],
        "minutes": group.minutes,
        "expected_seconds": round(made.estimate.seconds),
        "notices": [notice.message for notice in made.notices],
    }
