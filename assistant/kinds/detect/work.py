"""How much work a training of a detector is, in seconds of a plain CPU.

The counts are multiply-adds: of a backbone as its own description says (engine/contract/backbones.py), of what a model does with it as
its Params say (engine/contract/models/). They are right to a factor of two or three at best; what matters is that hours are not taken
for minutes. The first finished run of a model sets them right.
"""

import os

from engine.contract.backbones import Architecture
from engine.contract.data import DataFacts
from engine.contract.jobs.detect import DetectJob
from engine.contract.models.detector import UNKNOWN_GMACS, Work
from engine.contract.policy import share_out

GMACS_PER_SECOND_AND_CORE = 12.0
READ_SECONDS = 0.008  # decode and resize one image
WRITE_SECONDS = 0.05  # map, heatmap and mask of one tested image
START_SECONDS = 4.0  # import torch, read the job, save, load again


def count_work(job: DetectJob, facts: DataFacts) -> float:
    """The uncorrected count, in seconds of a plain CPU."""
    good, tested = facts.train_good, facts.test_good + facts.test_defective
    shared = share_out(job, good=good, has_own_test=facts.test_good > 0)
    rate = GMACS_PER_SECOND_AND_CORE * (os.cpu_count() or 1)
    work = Work(job.image_size, job.epochs, fit=shared.fit, looked_at=good + tested, backbone=_backbone(job))
    passes = 1 if job.augmentation == "none" else job.model.passes_over_augmented
    once = (good * passes + tested) * (READ_SECONDS + job.model.forward_gmacs(work) / rate) + tested * WRITE_SECONDS
    learning = job.model.learning(work)
    learnt = learning.gmacs / rate + learning.seconds
    return START_SECONDS + once + learnt * (1 + (shared.folds or 0))


def _backbone(job: DetectJob) -> Architecture | None:
    """That of an older run may have a name that is not known any more."""
    return job.architecture or (Architecture(job.backbone, "none", gmacs=UNKNOWN_GMACS) if job.backbone else None)
