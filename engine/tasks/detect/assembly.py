"""The model that a detection starts from: an untrained one, or finished ones put together to an ensemble."""

import hashlib
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.contract.events import Warned
from engine.contract.folder import ModelFolder, RunFolder
from engine.contract.jobs.detect import DetectJob
from engine.contract.models.ensemble import EnsembleParams
from engine.models import AnomalyModel, build_model
from engine.models.ensemble import Ensemble
from engine.saved_models import load_members, naming, read_facts


def assemble_model(
    job: DetectJob, *, runs: Path, weights_folder: Path | None, hub: bool, warn: Callable[[Warned], None]
) -> AnomalyModel:
    """The model of a new run. `runs` is the folder in which `backbone_run` and an ensemble's members are looked for.

    Raises:
        LookupError: a run does not exist or has no model; weights or a backbone are not to be had.
        ValueError: the members cannot be put together, all reasons at once; or a member's files are gone or damaged.
    """
    if not isinstance(job.model, EnsembleParams):
        return build_model(job, weights_folder=weights_folder, hub=hub, warn=warn, runs=runs)
    ids = job.model.members
    folders = [_model_folder(run, runs) for run in ids]
    facts = []
    for run, folder in zip(ids, folders, strict=True):
        with naming(run):
            facts.append(read_facts(folder))
    _refuse_unlike(job, facts)
    _refuse_copies(ids, folders, facts)
    parts = list(zip(ids, folders, strict=True))
    return Ensemble(job.model, load_members(parts, weights_folder=weights_folder, hub=hub, warn=warn)).eval()


def _model_folder(run: str, runs: Path) -> Path:
    found = RunFolder(runs / run)
    if not found.path.is_dir():
        have = sorted(each.name for each in runs.iterdir() if RunFolder(each).model.card.is_file())
        raise LookupError(
            f"there is no run {run!r} to put into the ensemble (finished: {', '.join(have) or 'none'}); "
            "name finished runs in members"
        )
    if not found.model.card.is_file():
        raise LookupError(
            f"the run {run!r} has no model: it has not finished; wait for it or take another into members"
        )
    return found.model.path


def _refuse_copies(ids: list[str], folders: list[Path], facts: list[dict[str, Any]]) -> None:
    """One model under two names counts twice and adds nothing."""
    seen: dict[str, str] = {}
    for run, folder, fact in zip(ids, folders, facts, strict=True):
        weights = ModelFolder(folder).state
        if not weights.is_file():
            continue  # loading it says so
        with weights.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        # the same bank may be read in two ways
        same = json.dumps(
            [digest, fact["backbone_fingerprint"], fact["spec"]["model"], fact["spec"]["image_size"]],
            sort_keys=True,
            allow_nan=False,
        )
        first = seen.setdefault(same, run)
        if first != run:
            raise ValueError(
                f"these runs cannot be put together: {run!r} has the same weights and settings as {first!r}; "
                "name models that differ"
            )


def _refuse_unlike(job: DetectJob, facts: list[dict[str, Any]]) -> None:
    """Good images must be held out in all members alike, or their p-values would flatter the members that know them."""
    assert isinstance(job.model, EnsembleParams)
    ids = job.model.members
    problems = [
        f"{run!r} is named {ids.count(run)} times; name different runs"
        for run in sorted(set(ids))
        if ids.count(run) > 1
    ]
    specs = [DetectJob.model_validate(fact["spec"]) for fact in facts]
    first = facts[0].get("data", {}).get("fingerprint")
    for run, member, fact in zip(ids, specs, facts, strict=True):
        if member.model.family == "ensemble":
            problems.append(f"{run!r} is an ensemble itself; name its members instead")
            continue
        if fact.get("data", {}).get("fingerprint") != first:
            problems.append(
                f"{run!r} was trained on other pictures ({member.dataset!r}) than {ids[0]!r}; train it on the same"
            )
        for name in ("seed", "calibration_share"):
            own, wanted = getattr(member, name), getattr(job, name)
            if own != wanted and not (isinstance(own, float) and math.isclose(own, wanted)):
                problems.append(
                    f"{run!r} was trained with {name} {own}, the ensemble has {wanted}: other good images were held out; "
                    "take the same in all"
                )
        if fact.get("thresholds", {}).get("image", {}).get("policy") == "leave_one_out":
            problems.append(
                f"{run!r} held no good images back (threshold_policy leave_one_out); train it with split_conformal"
            )
        if getattr(member.model, "labelled_share", 0) > 0:
            problems.append(
                f"{run!r} learnt from labelled defects (labelled_share {getattr(member.model, 'labelled_share', 0)}), "
                "with which the ensemble would be tested; train it with labelled_share 0"
            )
        if member.image_size > job.image_size:
            problems.append(
                f"{run!r} works at image_size {member.image_size}, the ensemble at {job.image_size}: pictures would be "
                f"enlarged for it; take image_size {max(each.image_size for each in specs)}"
            )
    if problems:
        raise ValueError("these runs cannot be put together: " + "; ".join(problems))
