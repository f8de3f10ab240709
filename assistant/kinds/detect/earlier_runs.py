"""Earlier runs that a training builds on: the members of an ensemble, and the run whose adapted backbone is taken.

What the engine would refuse to put together (engine/models/ensemble.py) is refused here, before anybody is asked for a yes.
"""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import Field

from assistant.frames import Notice
from assistant.kinds import Advice, Built
from assistant.runs.place import RunElsewhere
from assistant.runs.queue import Queue, UnknownRun
from assistant.store.tables import RunRow
from engine.contract.folder import RunFolder
from engine.contract.jobs import Problem, SpecError
from engine.contract.models import MODELS
from engine.contract.results.detect import DetectCard

LATEST = "latest"  # in place of a run's id: the newest one that fits
FEWEST, MOST_BY_ITSELF = 2, 3  # members that are taken when none are named
SAME = ("seed", "calibration_share")  # or the members have not held back the same images
LOOKED_AT = 100


WISHES: dict[str, tuple[Any, Any]] = {
    "last_runs": (
        int | None,
        Field(default=None, ge=2, le=4, description="ensemble: take this many of the latest finished runs as members"),
    )
}


async def build_on(
    runs: Queue, *, facts: Mapping[str, Any], model: str, chosen: dict[str, Any], wishes: Mapping[str, Any]
) -> Built:
    """Fill in the runs that a training of this model builds on, given the facts of its data set. The wish `last_runs` takes
    that many of the newest as members.

    Raises:
        SpecError: such a run is missing, has not finished, or does not fit, in words.
    """
    if model == "ensemble":
        return await _ensemble(runs, facts, chosen, wishes.get("last_runs"))
    if chosen.get("backbone_run") and model in MODELS and MODELS[model].default_backbone:
        return await _on_backbone(runs, facts["dataset"], chosen)
    return Built(chosen)


async def _ensemble(runs: Queue, facts: Mapping[str, Any], chosen: dict[str, Any], last_runs: int | None) -> Built:
    dataset = facts["dataset"]
    named = chosen.get("members")
    if isinstance(named, str):
        named = named.replace(",", " ").split()
    members = [await _member(runs, str(run), dataset) for run in dict.fromkeys(named)] if named else []
    unfit: list[Problem] = []
    if not members:
        rows = await runs.list(state="succeeded", dataset=dataset, limit=LOOKED_AT)
        rows = [row for row in rows if row.subject != "ensemble" and runs.place.has(row)]
        if last_runs is None:  # by itself it takes only what fits
            whys = [await _unfit(runs, row, facts) for row in rows]
            rows = [row for row, why in zip(rows, whys, strict=True) if why is None]
            unfit = [why for why in whys if why]
        members = _newest(rows, last_runs)
    if len(members) < FEWEST and unfit:
        raise SpecError(unfit[:1])
    if len(members) < FEWEST:
        have = ", ".join(row.id for row in members)
        message = (
            f"an ensemble needs at least {FEWEST} finished trainings of {dataset!r}, "
            f"there {'is only ' + have if have else 'are none'}: train another model first"
        )
        raise SpecError([Problem("members", message, "few_members", {"dataset": dataset, "known": have or "0"})])
    for row in members:
        if why := await _unfit(runs, row, facts):
            raise SpecError([why])
    _refuse_unlike(members, chosen)
    because = Notice(code="members", message="as its members", values={"runs": ", ".join(row.id for row in members)})
    given = {name: Advice(members[0].spec[name], because) for name in SAME}
    given["image_size"] = Advice(_largest(members), because)
    return Built({**chosen, "members": [row.id for row in members]}, given)


async def _unfit(runs: Queue, row: RunRow, facts: Mapping[str, Any]) -> Problem | None:
    """Why this finished run of the data set cannot be a member; None where it can."""
    saved = await asyncio.to_thread(_card, runs, row)
    if saved is None:
        message = f"{row.id} has no saved model any more: train it anew"
        return Problem("members", message, "no_saved_model", {"run": row.id})
    now, then = facts.get("fingerprint"), saved.data.fingerprint
    if now and then and now != then:
        message = f"the pictures of {row.dataset!r} are others now than those {row.id} was trained on: train it anew"
        return Problem("members", message, "data_changed", {"run": row.id, "dataset": row.dataset})
    if saved.thresholds.image.policy == "leave_one_out":
        message = (
            f"{row.id} held no good images back (threshold_policy leave_one_out, as memory models do with few good images), so its "
            "scores cannot be compared: train it anew with threshold_policy split_conformal"
        )
        return Problem("members", message, "left_one_out", {"run": row.id})
    share = row.spec["model"].get("labelled_share", 0)
    if share:
        message = (
            f"{row.id} learnt from labelled defects (labelled_share {share:g}), with which the ensemble would be tested: "
            "train it anew with labelled_share 0"
        )
        return Problem("members", message, "learnt_defects", {"run": row.id, "share": share})
    return None


def _card(runs: Queue, row: RunRow) -> DetectCard | None:
    """What the run's model says of itself; None where it is gone, unreadable or damaged."""
    try:
        return RunFolder(runs.folder_of(row)).model.read_card(DetectCard)
    except (OSError, ValueError):
        return None


def _refuse_unlike(members: Sequence[RunRow], chosen: dict[str, Any]) -> None:
    """Raises SpecError: the members held other good images back, or what was chosen does not go with them."""
    first = members[0].spec
    for row in members[1:]:
        for name in SAME:
            if row.spec[name] != first[name]:
                message = (
                    f"{members[0].id} and {row.id} differ in {name} ({first[name]} and {row.spec[name]}): "
                    "only trainings that held back the same good images can be put together"
                )
                values = {"first": members[0].id, "second": row.id, "setting": name}
                raise SpecError([Problem("members", message, "members_differ", values)])
    for name in SAME:
        if chosen.get(name) not in (None, first[name]):
            message = f"{name} is {chosen[name]}, but the members were trained with {first[name]}; leave it out"
            raise SpecError([Problem(name, message)])
    size, largest = chosen.get("image_size"), _largest(members)
    if isinstance(size, int | float) and size < largest:
        message = f"image_size is {size}, but a member works at {largest}: take {largest} or more, or leave it out"
        raise SpecError([Problem("image_size", message, "too_small", {"value": str(size), "limit": largest})])


def _largest(members: Sequence[RunRow]) -> int:
    return max(int(row.spec["image_size"]) for row in members)


async def _member(runs: Queue, run: str, dataset: str) -> RunRow:
    row = await _finished(runs, run, "members")
    if row.subject == "ensemble":
        message = f"{row.id} is an ensemble itself: name its members instead"
        raise SpecError([Problem("members", message, "member_is_ensemble", {"run": row.id})])
    if row.dataset != dataset:
        message = f"{row.id} was trained on {row.dataset!r}, not on {dataset!r}"
        values = {"run": row.id, "dataset": row.dataset, "wanted": dataset}
        raise SpecError([Problem("members", message, "other_dataset", values)])
    return row


def _newest(rows: Sequence[RunRow], count: int | None) -> list[RunRow]:
    """The newest `count`; without a count, of each model the newest that held back the same images as the newest of all."""
    if count is not None:
        return list(rows[:count])
    taken: dict[str, RunRow] = {}
    for row in rows:
        if all(row.spec.get(name) == rows[0].spec.get(name) for name in SAME):
            taken.setdefault(row.subject, row)
    return list(taken.values())[:MOST_BY_ITSELF]


async def _on_backbone(runs: Queue, dataset: str, chosen: dict[str, Any]) -> Built:
    asked = str(chosen["backbone_run"])
    row = await (_newest_adapted(runs, dataset) if asked == LATEST else _finished(runs, asked, "backbone_run"))
    if not _has_backbone(runs, row):
        message = f"{row.id} ({row.subject}) has adapted no backbone: take a finished CutPaste training"
        raise SpecError([Problem("backbone_run", message, "no_backbone", {"run": row.id, "model": row.subject})])
    theirs = row.spec["backbone"]
    if chosen.get("backbone") not in (None, theirs):
        message = f"backbone is {chosen['backbone']!r}, but {row.id} adapted {theirs!r}: leave backbone out"
        raise SpecError([Problem("backbone", message)])
    because = Notice(code="backbone_run", message=f"as in run {row.id}", values={"run": row.id})
    return Built({**chosen, "backbone_run": row.id}, {"backbone": Advice(theirs, because)})


def model_of(asked: Mapping[str, Any]) -> str | None:
    """Who names members, or how many there are to be, means an ensemble."""
    return "ensemble" if asked.get("members") or asked.get("last_runs") else None


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
    rows = await runs.list(state="succeeded", subject="cutpaste", limit=LOOKED_AT)
    adapted = [row for row in rows if runs.place.has(row) and _has_backbone(runs, row)]
    if not adapted:
        message = "no finished training has adapted a backbone yet: train CutPaste first"
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
