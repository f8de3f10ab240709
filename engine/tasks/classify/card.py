"""What a saved classifier says of itself: its job, its data, its classes, what its fine-tuning began with."""

import time

from engine.contract.jobs.classify import ClassifyJob
from engine.contract.results import WeightsUsed
from engine.contract.results.classify import ClassifyCard
from engine.tasks.classify.classifier import Classifier
from engine.tasks.classify.scoring import ClassScorer
from engine.tasks.origin import learnt_from, versions
from engine.tasks.reading import Read


def card_of(job: ClassifyJob, read: Read, scorer: ClassScorer) -> ClassifyCard:
    """The card of a run's model. No frozen weights are named: all of them lie in its folder."""
    return ClassifyCard(
        spec=job.model_dump(),
        data=learnt_from(job, read),
        weights=weights_of(scorer.model),
        synthetic=read.dataset.synthetic,
        versions=versions(),
        created=time.time(),
        backbone_fingerprint=None,
        classes=scorer.classes,
        temperature=scorer.temperature,
    )


def weights_of(model: Classifier) -> WeightsUsed:
    """What the fine-tuning began with."""
    weights = model.weights
    return WeightsUsed(
        backbone=model.job.backbone, source=weights.source, tag=weights.tag, licence=weights.licence, lineage=[]
    )
