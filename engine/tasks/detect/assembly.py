"""The model that a detection starts from: an untrained one, one that learns on from a finished run, or finished ones put together."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

from engine.checkpoints import load_state
from engine.contract.checksums import refuse_damage
from engine.contract.events import Warned
from engine.contract.folder import ModelFolder, RunFolder
from engine.contract.jobs import flat_settings, read_job
from engine.contract.jobs.detect import DetectJob
from engine.contract.joining import (
    Candidate,
    why_no_member,
    why_not_learnt_on,
    why_not_together,
    why_settings_differ,
)
from engine.contract.models.ensemble import EnsembleParams
from engine.contract.results.card import ModelCard
from engine.contract.results.detect import DetectCard
from engine.learner import BACKBONE
from engine.models import AnomalyModel, build_model
from engine.models.ensemble import Ensemble
from engine.saved_models import load_members, naming


def assemble_model(
    job: DetectJob, *, runs: Path, weights_folder: Path | None, hub: bool, warn: Callable[[Warned], None]
) -> AnomalyModel:
    """The model of a new run. `runs` is the folder in which `backbone_run`, `learns_on` and an ensemble's members are looked for.

    Raises:
        LookupError: a run does not exist or has no model; weights or a backbone are not to be had.
        ValueError: the members cannot be put together, or the run not be learnt on from, all reasons at once; or files are gone or damaged.
    """
    if not isinstance(job.model, EnsembleParams):
        model = build_model(job, weights_folder=weights_folder, hub=hub, warn=warn, runs=runs)
        if (before := getattr(job.model, "learns_on", None)) is not None:
            _learn_on(model, job, before, runs)
        return model
    ids = job.model.members
    folders = [_model_folder(run, runs, "members") for run in ids]
    candidates = [_candidate(run, folder) for run, folder in zip(ids, folders, strict=True)]
    _refuse_unlike(job, candidates)
    _refuse_copies(candidates, folders)
    parts = list(zip(ids, folders, strict=True))
    return Ensemble(job.model, load_members(parts, weights_folder=weights_folder, hub=hub, warn=warn)).eval()


def _learn_on(model: AnomalyModel, job: DetectJob, run: str, runs: Path) -> None:
    folder = _model_folder(run, runs, "learns_on")
    refuse_damage(folder.path)
    candidate = _candidate(run, folder)
    asked = flat_settings(job)
    problem = why_not_learnt_on(candidate, model=job.model.name, fingerprint=None)
    if problems := [problem] if problem else [*why_settings_differ(candidate, asked)]:
        raise ValueError("; ".join(each.message for each in problems))
    card = candidate.card
    assert card is not None and model.backbone is not None
    if model.backbone.fingerprint() != card.backbone_fingerprint:
        raise ValueError(
            f"{run} was trained on other weights of {model.backbone.name} than the ones found here (random ones follow from the seed)"
        )
    state, _ = load_state(folder.state)
    own = {name: each for name, each in model.state_to_save().items() if name.startswith(BACKBONE)}
    remembered = [f"{run}:{name}" for name in card.normals]  # they lie in another data set
    with naming(run):
        model.load_saved({**own, **state})
        model.learn_on(remembered)
    model.before = card


def _model_folder(run: str, runs: Path, setting: str) -> ModelFolder:
    found = RunFolder(runs / run)
    if not found.path.is_dir():
        have = sorted(each.name for each in runs.iterdir() if RunFolder(each).model.card.is_file())
        raise LookupError(
            f"there is no run {run!r} to build on (finished: {', '.join(have) or 'none'}); name finished runs in {setting}"
        )
    if not found.model.card.is_file():
        raise LookupError(
            f"the run {run!r} has no model: it has not finished; wait for it or take another into {setting}"
        )
    return found.model


def _candidate(run: str, folder: ModelFolder) -> Candidate:
    with naming(run):
        job = read_job(folder.read_card(ModelCard).spec)
        return Candidate(run, job, folder.read_card(DetectCard) if isinstance(job, DetectJob) else None)


def _refuse_unlike(job: DetectJob, candidates: list[Candidate]) -> None:
    data = (each.card.data.fingerprint for each in candidates if each.card)
    fingerprint = next((known for known in data if known), None)
    whys = (why_no_member(each, dataset=job.dataset, fingerprint=fingerprint) for each in candidates)
    problems = [why for why in whys if why] or [*why_not_together(candidates, flat_settings(job))]
    if problems:
        raise ValueError("these runs cannot be put together: " + "; ".join(each.message for each in problems))


def _refuse_copies(candidates: list[Candidate], folders: list[ModelFolder]) -> None:
    """One model under two names counts twice and adds nothing."""
    seen: dict[str, str] = {}
    for candidate, folder in zip(candidates, folders, strict=True):
        assert candidate.card is not None
        run, spec = candidate.run, candidate.card.spec
        if not folder.state.is_file():
            continue  # loading it says so
        with folder.state.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        # the same bank may be read in two ways
        same = json.dumps(
            [digest, candidate.card.backbone_fingerprint, spec["model"], spec["image_size"]],
            sort_keys=True,
            allow_nan=False,
        )
        first = seen.setdefault(same, run)
        if first != run:
            raise ValueError(
                f"these runs cannot be put together: {run!r} has the same weights and settings as {first!r}; "
                "name models that differ"
            )
