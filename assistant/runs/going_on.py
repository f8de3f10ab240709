"""A training that ended without a result, taken up again: a new run from its checkpoint where there is one, else from its beginning.

A run's state never leaves a terminal one, so going on is a new run with the same settings on the same data. Each run is taken up
at most once; whoever asks again means the run that goes on. What was approved holds for that run too: where the images are
no longer those, or there is nothing to go on from, there is a new plan instead, which waits for its own yes.
"""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assistant.data.datasets import Datasets
from assistant.frames import RunItem
from assistant.kinds import kind_of_spec
from assistant.plans.estimates import count_work
from assistant.plans.plan import plan
from assistant.plans.planning import propose
from assistant.runs.queue import Queue
from assistant.store.tables import ProposalRow, RunRow
from assistant.tools.desk import Desk
from engine.contract.continuing import epochs_kept, lowered_batch
from engine.contract.events import DamagedLog, read_events
from engine.contract.jobs import flat_settings, read_job
from engine.contract.jobs.detect import DetectJob

ENDED_WITHOUT_RESULT = ("failed", "stopped")
OTHER_IMAGES = ("data_changed", "data_unknown")  # whoever approves a new plan may train on them


class NotGoneOn(ValueError):
    """A run cannot go on. Worded by its code (locales: error.<code>); message and hint, what to do, are the English wording."""

    def __init__(self, code: str, message: str, hint: str, run: str):
        self.code, self.message, self.hint, self.run = code, message, hint, run
        super().__init__(f"{message}; {hint}")


@dataclass(frozen=True)
class Rest:
    """What is left to do: after which epoch of how many it goes on; None where it starts from the beginning."""

    after_epoch: int | None
    epochs: int


async def what_is_left(runs: Queue, row: RunRow) -> Rest | None:
    """What the run that takes this one's place would do; None where none can: it goes on already, or did not end without a result."""
    if row.state not in ENDED_WITHOUT_RESULT or await runs.continuation(row.id) is not None:
        return None
    return await rest_of(runs, row)


async def rest_of(runs: Queue, row: RunRow) -> Rest:
    kept = await asyncio.to_thread(epochs_kept, runs.folder(row.id))
    return Rest(after_epoch=kept, epochs=int(row.spec["epochs"]))


async def latest_of(runs: Queue, row: RunRow) -> RunRow:
    """The run that goes on for this one now: itself, or the last one that took its place."""
    while (next_row := await runs.continuation(row.id)) is not None:
        row = next_row
    return row


async def go_on(runs: Queue, datasets: Datasets, row: RunRow, *, conversation: str | None = None) -> RunRow:
    """Queue the run that takes this one's place. However often and from wherever it is asked for, there is one.

    Raises:
        NotGoneOn: `run_active` or `run_succeeded`; `data_changed`: the images are not those that were approved; `data_unknown`: nobody
            knows which were; `not_started`.
        DatasetError: the data set is gone, or holds nothing to train on any more.
    """
    if (already := await runs.continuation(row.id)) is not None:
        return already
    if row.state == "succeeded":
        raise NotGoneOn("run_succeeded", f"run {row.id} has finished", "look at its results, or train anew", row.id)
    if row.state not in ENDED_WITHOUT_RESULT:
        raise NotGoneOn("run_active", f"run {row.id} has not ended yet", "wait for its end, or stop it", row.id)
    facts = await _facts(datasets, row)
    if row.fingerprint is None:
        message = f"it is not on record which images run {row.id} was approved for"
        raise NotGoneOn("data_unknown", message, "plan and approve the training anew", row.id)
    if facts["fingerprint"] != row.fingerprint:
        message = f"the images are not those that run {row.id} was approved for"
        raise NotGoneOn(
            "data_changed", message, "put them back as they were, or plan and approve the training anew", row.id
        )
    spec, rest = DetectJob.model_validate(row.spec), await rest_of(runs, row)
    try:
        return await runs.add(
            spec,
            data_path=row.data_path,
            conversation=conversation,
            key=f"continues/{row.id}",
            estimate_s=count_work(spec, facts) if rest.after_epoch is None else None,  # a part says nothing of a whole
            fingerprint=row.fingerprint,
            continues=row.id,
        )
    except (OSError, DamagedLog) as error:
        raise NotGoneOn("not_started", f"run {row.id} cannot be taken up: {error}", "train anew", row.id) from None


async def go_on_or_plan(desk: Desk, row: RunRow) -> RunRow | ProposalRow:
    """The same in a conversation, with its card: the run that goes on, or where the images are not the approved ones a new plan in its place.

    Raises:
        NotGoneOn, DatasetError: as `go_on`, but for `data_changed` and `data_unknown`.
        SpecError: there is to be a plan, and the images cannot be trained on like this any more.
    """
    try:
        run = await go_on(desk.runs, desk.datasets, row, conversation=desk.conversation)
    except NotGoneOn as refused:
        if refused.code not in OTHER_IMAGES:
            raise
        return await plan_again(desk, row)
    await desk.show(f"run-{run.id}", RunItem(run=run.id))
    return run


async def plan_again(desk: Desk, row: RunRow) -> ProposalRow:
    """A new plan with the settings of this run, shown as a card; nothing starts.

    Raises:
        SpecError, DatasetError: it cannot be trained any more, in words.
    """
    chosen = {name: value for name, value in flat_settings(read_job(row.spec)).items() if value is not None}
    lowered = await asyncio.to_thread(_lowered, desk.runs.folder(row.id))
    made = await plan(
        desk.settings,
        desk.datasets,
        desk.runs,
        kind=kind_of_spec(row.spec).name,
        dataset=row.dataset,
        model=row.subject,
        chosen={**chosen, **({"batch_size": lowered} if lowered else {})},
    )
    return await propose(desk, made)


async def _facts(datasets: Datasets, row: RunRow) -> dict[str, Any]:
    """The facts of the data that the run was given, as it is now; it may be a folder that is not registered, or no longer."""
    known = {each.name: each for each in await datasets.list()}
    registered = known.get(row.dataset)
    if registered is not None and registered.facts["path"] == row.data_path:
        return await datasets.facts(row.dataset)
    return {"dataset": row.dataset, **await datasets.check(Path(row.data_path))}


def _lowered(folder: Path) -> int | None:
    try:
        return lowered_batch(read_events(folder))
    except DamagedLog:
        return None
