"""A classifier as it is saved, with what it says of itself, and taken up again from that alone."""

import time

from engine.checkpoints import load_state, save_state
from engine.contract.checksums import LIST, refuse_damage
from engine.contract.folder import ModelFolder
from engine.contract.jobs.classify import ClassifyJob
from engine.contract.plain_files import whole_folder
from engine.contract.results import WeightsUsed
from engine.contract.results.classify import ClassifyCard
from engine.tasks.classify.classifier import Classifier
from engine.tasks.classify.scoring import ClassScorer
from engine.tasks.origin import learnt_from, versions
from engine.tasks.reading import Read
from engine.weights import Weights


def save_scorer(folder: ModelFolder, scorer: ClassScorer, *, job: ClassifyJob, read: Read) -> None:
    """Write the model folder; it appears whole or not at all. All weights lie in it: none are as they came."""
    card = ClassifyCard(
        spec=job.model_dump(),
        data=learnt_from(job, read),
        weights=weights_of(scorer.model),
        synthetic=read.dataset.synthetic,
        versions=versions(),
        created=time.time(),
        backbone_fingerprint=None,
        checksums=LIST,
        classes=scorer.classes,
        temperature=scorer.temperature,
    )
    with whole_folder(folder.path) as aside:
        written = ModelFolder(aside)
        save_state(written.state, scorer.model.state_to_save())
        written.write_card(card)
        written.seal()


def load_scorer(folder: ModelFolder) -> tuple[ClassScorer, ClassifyCard]:
    """The classifier of a folder, ready to class, and its card.

    Raises:
        ValueError: a file is gone or damaged, or belongs to another model.
    """
    refuse_damage(folder.path)
    card = folder.read_card(ClassifyCard)
    job = ClassifyJob.model_validate(card.spec)
    model = Classifier(
        job, [1] * len(card.classes), Weights(card.weights.source or "random", card.weights.tag), is_saved=True
    )
    state, _ = load_state(folder.state)
    model.load_saved(state)
    return ClassScorer(model.eval(), card.classes, card.temperature), card


def weights_of(model: Classifier) -> WeightsUsed:
    """What the fine-tuning began with."""
    weights = model.weights
    return WeightsUsed(
        backbone=model.job.backbone, source=weights.source, tag=weights.tag, licence=weights.licence, lineage=[]
    )
