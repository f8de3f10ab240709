"""Earlier runs that a training builds on: the members of an ensemble, the run whose adapted backbone is taken, and the one that is learnt on from.

What cannot be put together (engine/contract/joining.py) is refused here, before anybody is asked for a yes.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from assistant.data.facts import NamedFacts
from assistant.frames import Notice
from assistant.kinds import Advice, Built
from assistant.runs.place import RunElsewhere
from assistant.runs.queue import Queue, UnknownRun
from assistant.store.tables import RunRow
from engine.contract.checksums import refuse_damage
from engine.contract.folder import RunFolder
from engine.contract.jobs import Problem, SpecError, read_job
from engine.contract.jobs.detect import DetectJob
from engine.contract.joining import (
    HELD_BACK_BY,
    Candidate,
    adapting_models,
    adapting_titles,
    joining_model,
    largest_size,
    settings_kept,
    why_no_backbone,
    why_no_member,
    why_not_learnt_on,
    why_not_together,
    why_settings_differ,
)
from engine.contract.models import MODELS
from engine.contract.results.detect import DetectCard

LATEST = "latest"  # in place of a run's id: the newest one that fits
FEWEST, MOST_BY_ITSELF = 2, 3  # members that are taken when none are named
LOOKED_AT = 100


WISHES: dict[str, tuple[Any, Any]] = {
    "last_runs": (
        int | None,
        Field(
            default=None,
            ge=2,
            le=4,
            description=f"{joining_model()}: take this many of the latest finished runs as members",
        ),
    )
}


async def build_on(
    runs: Queue, *, facts: NamedFacts, model: str, chosen: dict[str, Any], wishes: Mapping[str, Any]
) -> Built:
    """Fill in the runs that a training of this model builds on, given the facts of its data set. The wish `last_runs` takes
    that many of the newest as members.

    Raises:
        SpecError: such a run is missing, has not finished, or does not fit, in words.
    """
    if model not in MODELS:
        return Built(chosen)
    if MODELS[model].joins_runs:
        return await _ensemble(runs, facts, chosen, wishes.get("last_runs"))
    if chosen.get("learns_on"):
        return await _learning_on(runs, facts, model, chosen)
    if chosen.get("backbone_run") and MODELS[model].default_backbone:
        return await _on_backbone(runs, facts.dataset, chosen)
    return Built(chosen)


async def _learning_on(runs: Queue, facts: NamedFacts, model: str, chosen: dict[str, Any]) -> Built:
    """All settings that say what is in the memory are those of the run before."""
    row = await _finished(runs, str(chosen["learns_on"]), "learns_on")
    before = await asyncio.to_thread(_candidate, runs, row)
    if why := why_not_learnt_on(before, model=model, fingerprint=facts.fingerprint):
        raise SpecError([why])
    try:
        await asyncio.to_thread(refuse_damage, RunFolder(runs.folder_of(row)).model.path)
    except (ValueError, OSError) as error:
        raise SpecError([Problem("learns_on", f"{row.id}: {error}", "no_saved_model", {"run": row.id})]) from None
    if problems := [*why_settings_differ(before, chosen)]:
        raise SpecError(problems[:1])
    because = Notice(code="learns_on", message=f"as in run {row.id}, whose memory is extended", values={"run": row.id})
    same = {**settings_kept(before.job), "seed": before.job.seed}  # which random weights follow from
    kept = {name: Advice(value, because) for name, value in same.items() if value is not None}
    return Built({**chosen, "learns_on": row.id}, kept)


async def _ensemble(runs: Queue, facts: NamedFacts, chosen: dict[str, Any], last_runs: int | None) -> Built:
    dataset = facts.dataset
    named = chosen.get("members")
    if isinstance(named, str):
        named = named.replace(",", " ").split()
    if named:
        rows = [await _finished(runs, str(run), "members") for run in dict.fromkeys(named)]
    else:
        found = await runs.list(state="succeeded", dataset=dataset, limit=LOOKED_AT)
        rows = [row for row in found if _can_be_member(row) and runs.place.has(row)]
        rows = rows if last_runs is None else list(rows[:last_runs])
    members = [await asyncio.to_thread(_candidate, runs, row) for row in rows]
    whys = [why_no_member(each, dataset=dataset, fingerprint=facts.fingerprint) for each in members]
    unfit = [why for why in whys if why]
    if not named and last_runs is None:  # by itself it takes only what fits
        members = _newest([each for each, why in zip(members, whys, strict=True) if why is None])
    if unfit and (named or last_runs is not None or len(members) < FEWEST):
        raise SpecError(unfit[:1])
    if len(members) < FEWEST:
        have = ", ".join(each.run for each in members)
        message = (
            f"an ensemble needs at least {FEWEST} finished trainings of {dataset!r}, "
            f"there {'is only ' + have if have else 'are none'}: train another model first"
        )
        raise SpecError([Problem("members", message, "few_members", {"dataset": dataset, "known": have or "0"})])
    if problems := [*why_not_together(members, chosen)]:
        raise SpecError(problems[:1])
    ids = [each.run for each in members]
    because = Notice(code="members", message="as its members", values={"runs": ", ".join(ids)})
    held_back_by = {name: getattr(members[0].job, name) for name in HELD_BACK_BY}
    given = {name: Advice(value, because) for name, value in held_back_by.items() if value is not None}
    given["image_size"] = Advice(largest_size(members), because)
    return Built({**chosen, "members": ids}, given)


def _can_be_member(row: RunRow) -> bool:
    return row.subject in MODELS and not MODELS[row.subject].joins_runs


def _candidate(runs: Queue, row: RunRow) -> Candidate:
    job = read_job(row.spec)
    try:
        card = RunFolder(runs.folder_of(row)).model.read_card(DetectCard) if isinstance(job, DetectJob) else None
    except (OSError, ValueError):
        card = None
    return Candidate(row.id, job, card)


def _newest(fit: Sequence[Candidate]) -> list[Candidate]:
    """Of each model the newest that held back the same images as the newest of all."""
    taken: dict[str, Candidate] = {}
    for each in fit:
        if each is fit[0] or not any(why_not_together([fit[0], each], {})):
            taken.setdefault(each.job.subject, each)
    return list(taken.values())[:MOST_BY_ITSELF]


async def _on_backbone(runs: Queue, dataset: str, chosen: dict[str, Any]) -> Built:
    asked = str(chosen["backbone_run"])
    row = await (_newest_adapted(runs, dataset) if asked == LATEST else _finished(runs, asked, "backbone_run"))
    job, has_backbone = read_job(row.spec), _has_backbone(runs, row)
    if why := why_no_backbone(row.id, job, has_backbone=has_backbone, wanted=chosen.get("backbone")):
        raise SpecError([why])
    theirs = row.spec["backbone"]
    because = Notice(code="backbone_run", message=f"as in run {row.id}", values={"run": row.id})
    return Built({**chosen, "backbone_run": row.id}, {"backbone": Advice(theirs, because)})


def like_of(asked: Mapping[str, Any]) -> str | None:
    """Who learns on from a run means a training like it."""
    return str(asked["learns_on"]) if asked.get("learns_on") else None


def model_of(asked: Mapping[str, Any]) -> str | None:
    """Who names members, or how many there are to be, means an ensemble."""
    return joining_model() if asked.get("members") or asked.get("last_runs") else None


async def dataset_of(runs: Queue, asked: Mapping[str, Any], *, otherwise: str | None) -> str | None:
    """The data set of the first member that is named; without one that of the open plan (`otherwise`), else of the run whose
    backbone is to be taken.

    Raises:
        SpecError, UnknownRun: there is no such run, or no training has adapted a backbone yet.
    """
    if asked.get("members"):
        return (await runs.get(str(asked["members"][0]))).dataset
    if otherwise is None and asked.get("backbone_run"):
        return await dataset_of_backbone(runs, str(asked["backbone_run"]))
    return otherwise


async def dataset_of_backbone(runs: Queue, asked: str) -> str:
    """The data set of the finished run whose adapted backbone is asked for, by its id or as "latest".

    Raises:
        SpecError: there is no such run, or no training has adapted a backbone yet.
    """
    row = await (_newest_adapted(runs) if asked == LATEST else _finished(runs, asked, "backbone_run"))
    return str(row.dataset)


async def _newest_adapted(runs: Queue, dataset: str | None = None) -> RunRow:
    """The newest finished run that adapted a backbone, of this data set if there is one."""
    rows = [
        row
        for model in adapting_models()
        for row in await runs.list(state="succeeded", subject=model, limit=LOOKED_AT)
        if runs.place.has(row) and _has_backbone(runs, row)
    ]
    adapted = sorted(rows, key=lambda row: row.number, reverse=True)
    if not adapted:
        message = f"no finished training has adapted a backbone yet: train {adapting_titles()} first"
        raise SpecError([Problem("backbone_run", message, "no_backbone_yet")])
    return next((row for row in adapted if row.dataset == dataset), adapted[0])


def _has_backbone(runs: Queue, row: RunRow) -> bool:
    return RunFolder(runs.folder_of(row)).model.backbone.is_file()


async def _finished(runs: Queue, run: str, setting: str) -> RunRow:
    try:
        row = await runs.get(run)
    except UnknownRun as error:
        raise SpecError([Problem(setting, str(error), "unknown_run", {"run": run})]) from None
    if row.state != "succeeded":
        message = f"{row.id} has not finished well (it is {row.state}): take a finished training"
        raise SpecError([Problem(setting, message, "unfinished_run", {"run": row.id})])
    if not runs.place.has(row):
        elsewhere = RunElsewhere(row)
        raise SpecError([Problem(setting, str(elsewhere), elsewhere.code, elsewhere.values)])
    return row
