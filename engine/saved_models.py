"""Saved models: a folder with the state as safetensors and the facts about it beside in words, whole or not there.

`model.safetensors` is all that cannot be recomputed, `model.json` job, thresholds, lineage. The frozen backbone is named there
with a fingerprint of its weights, and a model is never run on other ones. A backbone that a training adapted lies beside them
with what it was adapted on, and an ensemble's members as model folders of their own.
"""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from engine.checkpoints import load_state, save_state
from engine.contract.checksums import GONE, LIST, DamagedFile, read_checked, refuse_damage, write_checksums
from engine.contract.events import Warned
from engine.contract.folder import ModelFolder
from engine.contract.jobs.detect import DetectJob
from engine.contract.models.ensemble import EnsembleParams
from engine.contract.plain_files import whole_folder
from engine.learner import BACKBONE
from engine.models import AnomalyModel, build_model
from engine.models.ensemble import Ensemble, Member
from engine.weights import adapted_facts


def save_model(folder: Path, model: AnomalyModel, *, facts: dict[str, Any]) -> None:
    """Write the model folder; it appears whole or not at all. What the model knows of itself is added to the facts."""
    state = model.state_to_save()
    named = {
        "backbone_fingerprint": model.backbone.fingerprint() if model.backbone else None,
        "normals": model.remembered,
        "checksums": LIST,
    }
    with whole_folder(folder) as aside:
        into = ModelFolder(aside)
        save_state(into.state, {name: each for name, each in state.items() if not name.startswith(BACKBONE)})
        _save_own_backbone(into.backbone, model, run=folder.parent.name, facts=facts)
        model.save_beside(into)
        into.card.write_text(
            json.dumps({**facts, **named}, indent=1, ensure_ascii=False, allow_nan=False), encoding="utf-8"
        )
        write_checksums(aside)


def load_model(
    folder: Path, *, weights_folder: Path | None, hub: bool = True, warn: Callable[[Warned], None] = lambda event: None
) -> tuple[AnomalyModel, dict[str, Any]]:
    """The model of a folder, ready to predict, and its facts.

    Raises:
        ValueError: a file is gone or damaged, or the backbone's weights here are not those the model was trained on.
    """
    refuse_damage(folder)
    facts = read_facts(folder)
    saved, job = ModelFolder(folder), DetectJob.model_validate(facts["spec"])
    model: AnomalyModel
    if isinstance(job.model, EnsembleParams):
        parts = [(run, saved.member(i).path) for i, run in enumerate(job.model.members)]
        model = Ensemble(job.model, load_members(parts, weights_folder=weights_folder, hub=hub, warn=warn))
    else:
        adapted = saved.backbone if saved.backbone.is_file() else None
        model = build_model(job, weights_folder=weights_folder, hub=hub, warn=warn, adapted=adapted)
    if model.backbone is not None and model.backbone.fingerprint() != facts["backbone_fingerprint"]:
        raise ValueError(
            f"the model was trained on other weights of {model.backbone.name} than the ones found here "
            f"({model.backbone.source}); it needs those recorded in model.json: {facts.get('weights')}"
        )
    state, _ = load_state(saved.state)
    own = {name: each for name, each in model.state_to_save().items() if name.startswith(BACKBONE)}  # read already
    model.load_saved({**own, **state})
    model.remembered = facts.get("normals", [])  # models saved before this was kept can explain nothing
    return model.eval(), facts


def load_members(
    parts: list[tuple[str, Path]], *, weights_folder: Path | None, hub: bool, warn: Callable[[Warned], None]
) -> list[Member]:
    """The members of an ensemble, by the run that each is of and its model folder.

    Raises:
        ValueError: a member's files are gone or damaged, or it cannot be run here.
    """
    members = []
    for run, folder in parts:
        with naming(run):
            model, facts = load_model(folder, weights_folder=weights_folder, hub=hub, warn=warn)
        members.append(Member(model, folder, DetectJob.model_validate(facts["spec"]).image_size, facts))
    return members


@contextmanager
def naming(run: str) -> Iterator[None]:
    """What is wrong with a member's files says which run they are of."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"the model of the run {run!r} cannot be put into the ensemble: {error}") from error


def read_facts(folder: Path) -> dict[str, Any]:
    """The facts in a model folder's model.json.

    Raises:
        ValueError: it cannot be read, or does not say which model it belongs to.
    """
    path = ModelFolder(folder).card
    try:
        facts = json.loads(read_checked(folder, path.name))
    except DamagedFile:
        raise
    except (OSError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} cannot be read ({error}); train again or bring a whole copy") from None
    if not isinstance(facts, dict) or not {"spec", "backbone_fingerprint"} <= set(facts):
        raise ValueError(f"{path} does not hold a model's spec and backbone; train again or bring a whole copy")
    if facts.get("checksums") and not (folder / LIST).is_file():
        raise DamagedFile(folder / LIST, GONE)
    for part, threshold in facts.get("thresholds", {}).items():
        value = threshold.get("value", 0.0)
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"the {part} threshold in {path} is {value!r}, no finite number; train again")
    return facts


def _save_own_backbone(path: Path, model: AnomalyModel, *, run: str, facts: dict[str, Any]) -> None:
    """Weights that no file or hub holds: without them the model folder could not be used alone, nor by other trainings."""
    own = model.backbone.own_state() if model.backbone else None
    if model.backbone is None or own is None:
        return
    data = facts.get("data", {})
    here = {
        "run": run,
        "data": data.get("name"),
        "fingerprint": data.get("fingerprint"),
        "learnt": data.get("learnt"),
        "licence": data.get("licence"),
    }
    lineage = adapted_facts(
        model.backbone.name, model.backbone.weights, adapted_on=here if model.backbone.trainable else None
    )
    save_state(path, own, facts=lineage)
