"""A training that ended without a result, continued: a new run from its checkpoint where there is one, else from its beginning.

What was approved holds for the run that continues it too: where the images are no longer those, or there is nothing to continue
from, there is a new plan instead, which waits for its own yes.
"""

import asyncio
from pathlib import Path

from assistant.data.datasets import Datasets
from assistant.data.facts import NamedFacts
from assistant.plans.estimates import count_work
from assistant.plans.plan import Plan, plan
from assistant.refused import Refused
from assistant.runs.continuing import ENDED_WITHOUT_RESULT, rest_of
from assistant.runs.place import RunElsewhere
from assistant.runs.queue import Queue
from assistant.settings import Settings
from assistant.store.tables import RunRow
from engine.contract.continuing import lowered_batch
from engine.contract.events import DamagedLog, read_events
from engine.contract.jobs import SpecError, flat_settings, read_job

OTHER_IMAGES = ("data_changed", "data_unknown")  # whoever approves a new plan may train on them


class NotContinued(Refused):
    """A run cannot be continued."""

    status = 409

    def __init__(self, code: str, message: str, hint: str, run: str):
        super().__init__(code, message, hint, run=run)


class NotDuplicated(Refused):
    """No plan has the settings of this run any more."""

    def __init__(self, row: RunRow, why: SpecError):
        super().__init__(
            "not_duplicated",
            f"no plan can have the settings of run {row.id}: {why}",
            "plan the training anew",
            run=row.id,
        )


async def continue_run(datasets: Datasets, runs: Queue, row: RunRow, *, conversation: str | None = None) -> RunRow:
    """Queue the run that takes this one's place. However often and from wherever it is asked for, there is one.

    Raises:
        RunElsewhere: its folder lies in another home.
        NotContinued: `run_active` or `run_succeeded`; `data_changed`: the images are not those that were approved; `data_unknown`: nobody
            knows which were; `not_started`.
        DatasetError: the data set is gone, or holds nothing to train on any more.
    """
    if not runs.place.has(row):
        raise RunElsewhere(row)
    if (already := await runs.continuation(row.id)) is not None:
        return already
    if row.state == "succeeded":
        raise NotContinued("run_succeeded", f"run {row.id} has finished", "look at its results, or train anew", row.id)
    if row.state not in ENDED_WITHOUT_RESULT:
        raise NotContinued("run_active", f"run {row.id} has not ended yet", "wait for its end, or stop it", row.id)
    facts = await _facts(datasets, row)
    if row.fingerprint is None:
        message = f"it is not on record which images run {row.id} was approved for"
        raise NotContinued("data_unknown", message, "plan and approve the training anew", row.id)
    if facts.fingerprint != row.fingerprint:
        message = f"the images are not those that run {row.id} was approved for"
        raise NotContinued(
            "data_changed", message, "put them back as they were, or plan and approve the training anew", row.id
        )
    spec, rest = read_job(row.spec), await rest_of(runs, row)
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
        raise NotContinued("not_started", f"run {row.id} cannot be continued: {error}", "train anew", row.id) from None


def planned_instead(row: RunRow) -> NotContinued:
    """Why a run was not continued where a new plan was shown in its place."""
    hint = "approve the new plan that waits in its conversation"
    if row.fingerprint is None:
        message = f"it is not on record which images run {row.id} was approved for"
        return NotContinued("new_plan_unknown", message, hint, row.id)
    return NotContinued("new_plan", f"the images of run {row.id} changed", hint, row.id)


async def plan_again(settings: Settings, datasets: Datasets, runs: Queue, row: RunRow) -> Plan:
    """A new plan with the settings of this run; nothing starts.

    Raises:
        SpecError, DatasetError: it cannot be trained any more, in words.
    """
    chosen = {name: value for name, value in flat_settings(read_job(row.spec)).items() if value is not None}
    lowered = await asyncio.to_thread(_lowered, runs.folder_of(row))
    return await plan(
        settings,
        datasets,
        runs,
        kind=row.kind,
        dataset=row.dataset,
        model=row.subject,
        chosen={**chosen, **({"batch_size": lowered} if lowered else {})},
    )


async def _facts(datasets: Datasets, row: RunRow) -> NamedFacts:
    """The facts of the data that the run was given, as it is now; it may be a folder that is not registered, or no longer."""
    known = {each.name: each for each in await datasets.list()}
    registered = known.get(row.dataset)
    if registered is not None and registered.facts.path == row.data_path:
        return await datasets.facts(row.dataset)
    return NamedFacts.of(await datasets.check(Path(row.data_path)), dataset=row.dataset)


def _lowered(folder: Path) -> int | None:
    try:
        return lowered_batch(read_events(folder))
    except DamagedLog:
        return None
