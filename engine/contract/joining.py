"""Which finished runs can be put together to an ensemble, whose backbone another training can take, and which can be learnt on from.

Asked twice by the same rules: by the assistant before anybody says yes, and by the engine, since folders may change in between.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.contract.jobs import Job, Problem
from engine.contract.models import MODELS, DetectorParams
from engine.contract.results.detect import DetectCard

HELD_BACK_BY = ("seed", "calibration_share", "most_good")  # settings that say which good images a training holds back
# settings that say what a memory holds, beside those of the model
SEEN_BY = ("backbone", "backbone_run", "weights", "image_size", "normalisation", "feature_normalisation")
OF_LEARNING_ON = frozenset({"name", "learns_on", "bank_limit"})  # of the model, and may differ


@dataclass(frozen=True)
class Candidate:
    """A finished run: its job, and what its saved model says of itself; None where that is gone or unreadable."""

    run: str
    job: Job
    card: DetectCard | None


def why_no_member(candidate: Candidate, *, dataset: str, fingerprint: str | None) -> Problem | None:
    """Why it cannot be put together with others of this data set, whose pictures have this fingerprint; None where it can.

    Where nobody knows a fingerprint of the pictures, the data set's name decides.
    """
    run, job, card = candidate.run, candidate.job, candidate.card
    if not isinstance(job.model, DetectorParams):
        message = f"{run} is no anomaly detection, so it has no scores to put together: name other runs"
        return Problem("members", message, "no_detection", {"run": run})
    if job.model.joins_runs:
        message = f"{run} is an ensemble itself: name its members instead"
        return Problem("members", message, "member_is_ensemble", {"run": run})
    if card is None:
        message = f"{run} has no saved model any more: train it anew"
        return Problem("members", message, "no_saved_model", {"run": run})
    is_same = job.dataset == dataset if fingerprint is None else card.data.fingerprint == fingerprint
    if not is_same and job.dataset != dataset:
        message = f"{run} was trained on {job.dataset!r}, not on {dataset!r}"
        return Problem("members", message, "other_dataset", {"run": run, "dataset": job.dataset, "wanted": dataset})
    if not is_same:
        message = f"the pictures of {job.dataset!r} are others now than those {run} was trained on: train it anew"
        return Problem("members", message, "data_changed", {"run": run, "dataset": job.dataset})
    if card.thresholds.image.policy == "leave_one_out":
        message = (
            f"{run} held no good images back (threshold_policy leave_one_out, as memory models do with few good images), so its "
            "scores cannot be compared: train it anew with threshold_policy split_conformal"
        )
        return Problem("members", message, "left_one_out", {"run": run})
    if share := job.model.learns_labelled:
        message = (
            f"{run} learnt from labelled defects (labelled_share {share:g}), with which the ensemble would be tested: "
            "train it anew with labelled_share 0"
        )
        return Problem("members", message, "learnt_defects", {"run": run, "share": share})
    return None


def why_not_together(members: Sequence[Candidate], asked: Mapping[str, Any]) -> Iterator[Problem]:
    """What does not go together among members that each could be one, and with the ensemble's settings, so far as they are fixed.

    Good images must be held back in all of them alike, or their p-values would flatter the members that have seen them.
    """
    first = members[0]
    for run in sorted({each.run for each in members}):
        times = sum(each.run == run for each in members)
        if times > 1:
            yield Problem("members", f"{run} is named {times} times: name different runs")
    for other in members[1:]:
        for name in HELD_BACK_BY:
            if not _same(getattr(first.job, name), getattr(other.job, name)):
                message = (
                    f"{first.run} and {other.run} differ in {name} ({getattr(first.job, name)} and "
                    f"{getattr(other.job, name)}): only trainings that held back the same good images can be put together"
                )
                values = {"first": first.run, "second": other.run, "setting": name}
                yield Problem("members", message, "members_differ", values)
    for name in HELD_BACK_BY:
        theirs = getattr(first.job, name)
        if asked.get(name) is not None and not _same(asked[name], theirs):
            message = f"{name} is {asked[name]}, but the members were trained with {theirs}: take {theirs}"
            yield Problem(name, message)
    size, largest = asked.get("image_size"), largest_size(members)
    if isinstance(size, int | float) and size < largest:
        message = f"image_size is {size}, but a member works at {largest}: take {largest} or more"
        yield Problem("image_size", message, "too_small", {"value": str(size), "limit": largest})


def largest_size(members: Sequence[Candidate]) -> int:
    """Pixels at which no member would see an enlarged picture."""
    return max(getattr(each.job, "image_size", 0) for each in members)


def joining_model() -> str:
    """The model that puts finished runs together."""
    return next(name for name, params in MODELS.items() if params.joins_runs)


def adapting_models() -> list[str]:
    """The models that adapt a backbone, which other trainings can take."""
    return [name for name, params in MODELS.items() if params.adapts_backbone]


def why_no_backbone(run: str, job: Job, *, has_backbone: bool, wanted: str | None) -> Problem | None:
    """Why a training on the architecture `wanted` (None: whichever it is) cannot take this finished run's backbone."""
    if not has_backbone:
        message = f"{run} ({job.subject}) has adapted no backbone: take a finished {adapting_titles()} training"
        return Problem("backbone_run", message, "no_backbone", {"run": run, "model": job.subject})
    theirs = getattr(job, "backbone", None)
    if wanted is not None and theirs is not None and _bare(wanted) != _bare(theirs):
        return Problem("backbone", f"backbone is {wanted!r}, but {run} adapted {theirs!r}: take backbone {theirs}")
    return None


def why_not_learnt_on(candidate: Candidate, *, model: str, fingerprint: str | None) -> Problem | None:
    """Why a training of this model, on images of this fingerprint, cannot keep the memory of a finished run and extend it; None where it can."""
    run, job, card = candidate.run, candidate.job, candidate.card
    values: dict[str, Any] = {"run": run}
    if job.subject != model or "learns_on" not in type(job.model).model_fields:
        named = ", ".join(MODELS[name].title for name in extended_models())
        message = f"{run} is {job.title}: only {named} learn on, each from a run of its own kind"
        return Problem("learns_on", message, "other_model", values | {"model": job.title, "known": named})
    if card is None:
        message = f"{run} has no saved model any more: train it anew"
        return Problem("learns_on", message, "no_saved_model", values)
    if fingerprint is not None and card.data.fingerprint == fingerprint:
        message = f"{run} has learnt from these very images: name a data set with new good ones"
        return Problem("learns_on", message, "same_data", values)
    if getattr(job, "feature_normalisation", None) == "batch":
        message = f"{run} measured its features on its own images (feature_normalisation batch), so new ones cannot be added: train anew"
        return Problem("learns_on", message, "measured_features", values)
    if card.data.learnt is None or not card.normals:
        message = f"{run} is of an older version, which did not note which images it learnt from: train it anew"
        return Problem("learns_on", message, "learnt_unknown", values)
    return None


def why_settings_differ(candidate: Candidate, asked: Mapping[str, Any]) -> Iterator[Problem]:
    """Settings that a training which learns on from this run must have like it, and that are asked for otherwise."""
    for name, theirs in settings_kept(candidate.job).items():
        if asked.get(name) is not None and not _same(asked[name], theirs):
            message = f"{name} is {asked[name]}, but {candidate.run}, whose memory is extended, has {theirs}: leave {name} out"
            yield Problem(name, message, "other_setting", {"run": candidate.run, "limit": str(theirs)})


def settings_kept(job: Job) -> dict[str, Any]:
    """What a training that learns on from this one has in common with it: all that says what is in the memory."""
    own = {name: getattr(job, name, None) for name in SEEN_BY}
    return own | job.model.model_dump(exclude=set(OF_LEARNING_ON))


def extended_models() -> list[str]:
    """The models that can learn on from a finished run."""
    return [name for name, params in MODELS.items() if "learns_on" in params.model_fields]


def adapting_titles() -> str:
    return " or ".join(MODELS[name].title for name in adapting_models())


def _bare(backbone: str) -> str:
    """The architecture, without the tag of the weights."""
    return backbone.partition(".")[0]


def _same(one: Any, other: Any) -> bool:
    return one == other or (isinstance(one, float) and isinstance(other, float) and math.isclose(one, other))
