"""Saved states as safetensors with their facts beside them in words: never pickles, never half a file.

A model folder holds `model.safetensors` (all that cannot be recomputed) and `model.json` (spec, thresholds, lineage).
The frozen backbone is named there with a fingerprint of its weights, and a model is never run on other ones. A backbone
that a training adapted lies beside them as `backbone.safetensors`, with what it was adapted on.
"""

import errno
import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from engine.contract.checksums import GONE, LIST, DamagedFile, read_checked, refuse_damage, write_checksums
from engine.contract.events import Warned
from engine.contract.jobs.detect import DetectJob
from engine.learner import BACKBONE
from engine.models import AnomalyModel, build_model
from engine.weights import ADAPTED_FILE, adapted_facts
from engine.whole_folder import written_whole

State = dict[str, torch.Tensor]
MEMBERS_FOLDER = "members"  # the model folders that an ensemble is made of: members/0, members/1, ...


def save_state(path: Path, state: State, *, facts: dict[str, str] | None = None) -> None:
    """Write a state and short facts about it, aside first, then renamed.

    Raises:
        OSError: it cannot be written.
    """
    aside = path.with_name(path.name + ".part")
    tensors = {name: tensor.detach().cpu().contiguous() for name, tensor in state.items()}
    try:
        save_file(tensors, aside, metadata=facts)
    except SafetensorError as error:
        raise OSError(errno.EIO, str(error), str(aside)) from None
    os.replace(aside, path)


def load_state(path: Path) -> tuple[State, dict[str, str]]:
    """The state and the facts that `save_state` wrote.

    Raises:
        ValueError: the file is gone, or is no whole safetensors file.
    """
    if not path.is_file():
        raise ValueError(f"the saved state {path} is gone; train again or bring a whole copy")
    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except SafetensorError as error:
        raise ValueError(f"the saved state {path} is damaged: {error}; train again or bring a whole copy") from None


def save_model(folder: Path, model: AnomalyModel, *, facts: dict[str, Any]) -> None:
    """Write the model folder; it appears whole or not at all. What the model knows of itself is added to the facts."""
    state = model.state_to_save()
    named = {
        "backbone_fingerprint": model.backbone.fingerprint() if model.backbone else None,
        "normals": model.remembered,
        "checksums": LIST,
    }
    with written_whole(folder) as aside:
        save_state(
            aside / "model.safetensors", {name: each for name, each in state.items() if not name.startswith(BACKBONE)}
        )
        _save_own_backbone(aside / ADAPTED_FILE, model, run=folder.parent.name, facts=facts)
        model.save_beside(aside)
        (aside / "model.json").write_text(
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
    adapted = folder / ADAPTED_FILE if (folder / ADAPTED_FILE).is_file() else None
    spec = DetectJob.model_validate(facts["spec"])
    members = folder / MEMBERS_FOLDER if (folder / MEMBERS_FOLDER).is_dir() else None
    model = build_model(spec, weights_folder=weights_folder, hub=hub, warn=warn, adapted=adapted, members=members)
    if model.backbone is not None and model.backbone.fingerprint() != facts["backbone_fingerprint"]:
        raise ValueError(
            f"the model was trained on other weights of {model.backbone.name} than the ones found here "
            f"({model.backbone.source}); it needs those recorded in model.json: {facts.get('weights')}"
        )
    state, _ = load_state(folder / "model.safetensors")
    own = {name: each for name, each in model.state_to_save().items() if name.startswith(BACKBONE)}  # read already
    model.load_saved({**own, **state})
    model.remembered = facts.get("normals", [])  # models saved before this was kept can explain nothing
    return model.eval(), facts


def read_facts(folder: Path) -> dict[str, Any]:
    """The facts in a model folder's model.json.

    Raises:
        ValueError: it cannot be read, or does not say which model it belongs to.
    """
    path = folder / "model.json"
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
