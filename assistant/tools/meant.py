"""What is meant where a tool that plans is not told it: the run talked about, its settings, the data set spoken of."""

from typing import Any

from assistant.plans.form import describe
from assistant.store.tables import ProposalRow, RunRow
from assistant.tools.desk import Desk
from engine.contract.jobs import read_job
from engine.contract.joining import joining_model


async def talked_about(desk: Desk) -> RunRow | None:
    """The run that this conversation spoke of last."""
    return next(iter(await desk.runs.some((await desk.memory.state()).runs[:1])), None)


async def chosen_before(desk: Desk, before: ProposalRow | RunRow, model: str) -> dict[str, Any]:
    """The settings that somebody chose for the plan or run talked about; of what puts runs together nothing is taken over."""
    if joining_model() in (model, before.subject):
        return dict(before.chosen) if isinstance(before, ProposalRow) and before.subject == model else {}
    if isinstance(before, ProposalRow):
        return dict(before.chosen)
    approved = await desk.proposals.of_run(before.id)
    if approved is not None:
        return dict(approved.chosen)
    job = read_job(before.spec)
    return {each.name: each.value for each in describe(job) if each.value != each.default and each.value is not None}


async def dataset_spoken_of(desk: Desk) -> str | None:
    """The data set that this conversation spoke of last, if it is still there."""
    names = await desk.datasets.names()
    return next((name for name in (await desk.memory.state()).datasets if name in names), None)


async def only_dataset(desk: Desk) -> str:
    names = await desk.datasets.names()
    if len(names) == 1:
        return names[0]
    if not names:
        how = "the user can drop a zip on the page, or use the Data page or 'murascope data add NAME PATH'"
        raise desk.refuse("no_datasets", f"there are no data sets yet: {how}")
    message = f"which data set is meant? (have: {', '.join(names)})"
    raise desk.ask("which_dataset", message, missing="dataset", among=names, known=list(names))
