"""Saved detectors: a folder with the state as safetensors and the model's card beside it, whole or not there.

The state is all that cannot be recomputed, the card (engine/contract/results/detect.py) job, thresholds, lineage. The frozen
backbone is named there with a fingerprint of its weights, and a model is never run on other ones. A backbone that a training
adapted lies beside them with what it was adapted on, and an ensemble's members as model folders of their own.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from engine.checkpoints import load_state, save_state
from engine.contract.checksums import GONE, LIST, DamagedFile, refuse_damage
from engine.contract.events import Warned
from engine.contract.folder import ModelFolder
from engine.contract.jobs import read_job
from engine.contract.jobs.detect import DetectJob
from engine.contract.models.ensemble import EnsembleParams
from engine.contract.plain_files import whole_folder
from engine.contract.results.card import LearntFrom
from engine.contract.results.detect import DetectCard
from engine.learner import BACKBONE
from engine.models import AnomalyModel, build_model
from engine.models.ensemble import Ensemble, Member
from engine.weights import adapted_facts


def save_model(folder: ModelFolder, model: AnomalyModel, *, card: DetectCard) -> None:
    """Write the model folder; it appears whole or not at all. What the model knows of itself is added to the card."""
    state = model.state_to_save()
    own = {
        "backbone_fingerprint": model.backbone.fingerprint() if model.backbone else None,
        "normals": model.remembered,
        "checksums": LIST,
    }
    with whole_folder(folder.path) as aside:
        into = ModelFolder(aside)
        save_state(into.state, {name: each for name, each in state.items() if not name.startswith(BACKBONE)})
        _save_own_backbone(into.backbone, model, run=folder.path.parent.name, data=card.data)
        model.save_beside(into)
        into.write_card(card.model_copy(update=own))
        into.seal()


def load_model(
    folder: ModelFolder,
    *,
    weights_folder: Path | None,
    hub: bool = True,
    warn: Callable[[Warned], None] = lambda event: None,
) -> tuple[AnomalyModel, DetectCard]:
    """The model of a folder, ready to predict, and its card.

    Raises:
        ValueError: a file is gone or damaged, or the backbone's weights here are not those the model was trained on.
    """
    refuse_damage(folder.path)
    try:
        card = folder.read_card(DetectCard)
    except FileNotFoundError:
        raise DamagedFile(folder.card, GONE) from None
    job = _job_of(card)
    model: AnomalyModel
    if isinstance(job.model, EnsembleParams):
        parts = [(run, folder.member(i)) for i, run in enumerate(job.model.members)]
        model = Ensemble(job.model, load_members(parts, weights_folder=weights_folder, hub=hub, warn=warn))
    else:
        adapted = folder.backbone if folder.backbone.is_file() else None
        model = build_model(job, weights_folder=weights_folder, hub=hub, warn=warn, adapted=adapted)
    if model.backbone is not None and model.backbone.fingerprint() != card.backbone_fingerprint:
        raise ValueError(
            f"the model was trained on other weights of {model.backbone.name} than the ones found here "
            f"({model.backbone.source}); it needs those recorded in {folder.card.name}: {card.weights.facts()}"
        )
    state, _ = load_state(folder.state)
    own = {name: each for name, each in model.state_to_save().items() if name.startswith(BACKBONE)}  # read already
    model.load_saved({**own, **state})
    model.remembered = card.normals  # none in models saved before these were kept: they can explain nothing
    return model.eval(), card


def load_members(
    parts: list[tuple[str, ModelFolder]], *, weights_folder: Path | None, hub: bool, warn: Callable[[Warned], None]
) -> list[Member]:
    """The members of an ensemble, by the run that each is of and its model folder.

    Raises:
        ValueError: a member's files are gone or damaged, or it cannot be run here.
    """
    members = []
    for run, folder in parts:
        with naming(run):
            model, card = load_model(folder, weights_folder=weights_folder, hub=hub, warn=warn)
        members.append(Member(model, folder, _job_of(card).image_size, card))
    return members


@contextmanager
def naming(run: str) -> Iterator[None]:
    """What is wrong with the files of an earlier run says which run they are of."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"the model of the run {run!r} cannot be built on: {error}") from error


def _job_of(card: DetectCard) -> DetectJob:
    return cast(DetectJob, read_job(card.spec))


def _save_own_backbone(path: Path, model: AnomalyModel, *, run: str, data: LearntFrom) -> None:
    """Weights that no file or hub holds: without them the model folder could not be used alone, nor by other trainings."""
    own = model.backbone.own_state() if model.backbone else None
    if model.backbone is None or own is None:
        return
    here = {
        "run": run,
        "data": data.name,
        "fingerprint": data.fingerprint,
        "learnt": data.learnt,
        "licence": data.licence,
    }
    lineage = adapted_facts(
        model.backbone.name, model.backbone.weights, adapted_on=here if model.backbone.trainable else None
    )
    save_state(path, own, facts=lineage)
