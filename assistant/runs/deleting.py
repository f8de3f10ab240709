"""Deleting a run, and bringing it back. A deleted run is in no list any more; its files lie there for some days, and so long it can be
restored as it was. Then the supervisor of its home removes them, and nothing brings it back.

A model that something else needs is kept, and the refusal names what needs it.
"""

import logging
from datetime import timedelta

from assistant.refused import Refused
from assistant.runs.place import RunElsewhere
from assistant.runs.queue import Queue
from assistant.store.tables import ACTIVE, RunRow, now
from engine.contract.jobs import read_job

logger = logging.getLogger(__name__)


class RunKept(Refused):
    """A run is not deleted. `code` says why: run_under_way, run_in_use, run_in_group; `by` names what needs it."""

    status = 409

    def __init__(self, code: str, message: str, hint: str, row: RunRow, **values: object):
        super().__init__(code, message, hint, run=row.id, **values)


class NotRestored(Refused):
    """A run is not brought back: its files are gone (`files_removed`)."""

    status = 410

    def __init__(self, row: RunRow):
        message, hint = f"the files of run {row.id} were removed", "train again: its plan stands in its conversation"
        super().__init__("files_removed", message, hint, run=row.id)


async def delete(runs: Queue, row: RunRow) -> RunRow:
    """Take a run out of all lists; one that is deleted stays so.

    Raises:
        RunElsewhere: its folder lies in another home.
        RunKept: it goes on, or something needs it.
    """
    if row.deleted_at is not None:
        return row
    if not runs.place.has(row):
        raise RunElsewhere(row)
    await refuse_what_is_needed(runs, row)
    deleted = await runs.write(row.id, deleted_at=now())
    await refuse_what_began_meanwhile(runs, deleted)
    return deleted


async def restore(runs: Queue, row: RunRow) -> RunRow:
    """Bring a deleted run back as it was; one that is there stays so.

    Raises:
        NotRestored: its files are gone.
    """
    if row.files_removed_at is not None:
        raise NotRestored(row)
    return await runs.write(row.id, deleted_at=None) if row.deleted_at is not None else row


async def refuse_what_is_needed(runs: Queue, row: RunRow) -> None:
    """
    Raises:
        RunKept: the run goes on, or something needs it.
    """
    if row.state in ACTIVE:
        raise RunKept("run_under_way", f"run {row.id} has not ended yet", "stop it first", row)
    if row.group is not None and await runs.group_goes_on(row.group):
        message, hint = f"run {row.id} belongs to group {row.group}, which goes on", "wait for its end, or stop it"
        raise RunKept("run_in_group", message, hint, row, by=row.group)
    if by := await needed_by(runs, row):
        named = ", ".join(by)
        raise RunKept(
            "run_in_use", f"the model of run {row.id} is part of {named}", f"delete {named} first", row, by=named
        )
    if versions := await runs.registered_as(row.id):
        named = ", ".join(versions)
        message, hint = f"the model of run {row.id} is registered as {named}", "delete these versions first"
        raise RunKept("run_in_use", message, hint, row, by=named)


async def needed_by(runs: Queue, row: RunRow) -> list[str]:
    """The runs that are built on this one's model: ensembles that it is a member of, trainings that took its backbone or learn on from it."""
    return [each.id for each in await runs.naming(row.id) if row.id in _built_on(each)]


async def refuse_what_began_meanwhile(runs: Queue, row: RunRow) -> None:
    """Whoever was building on it while it was deleted goes first: it is brought back."""
    try:
        await refuse_what_is_needed(runs, row)
    except RunKept:
        await runs.write(row.id, deleted_at=None)
        raise


async def remove_old(runs: Queue, *, keep_days: float) -> list[str]:
    """Remove the files of this home's runs that were deleted more than so many days ago; their ids. What cannot be removed is tried
    again the next time."""
    removed = []
    for row in await runs.deleted():
        too_young = row.deleted_at is None or now() - row.deleted_at < timedelta(days=keep_days)
        if too_young or not runs.place.has(row) or await needed_by(runs, row) or await runs.registered_as(row.id):
            continue
        try:
            await runs.remove_files(row)
        except OSError as error:
            logger.warning("the files of the deleted run %s cannot be removed: %s", row.id, error)
            continue
        await runs.write(row.id, files_removed_at=now())
        removed.append(row.id)
    return removed


def _built_on(row: RunRow) -> list[str]:
    try:
        return read_job(row.spec).built_on
    except ValueError:  # of another version: its settings are not known, but what is written there is
        model = row.spec.get("model", {})
        found = [row.spec.get("backbone_run"), model.get("learns_on"), *_listed(model.get("members"))]
        return [str(each) for each in found if each]


def _listed(members: object) -> list[object]:
    return members if isinstance(members, list) else []
