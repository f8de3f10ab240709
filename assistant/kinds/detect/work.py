"""How much work a training of a detector is, in seconds of this machine's processor.

The counts are multiply-adds: of a backbone as its own description says (engine/contract/backbones.py), of what a model does with it as
its Params say (engine/contract/models/). How many of them a second this machine does is measured once (assistant/machine/speed.py).
That is right to a factor of two (benchmarks/estimates.py measures it for each model); finished runs of a model set it right.
"""

from assistant.machine.speed import cores, gmacs_per_second_and_core
from engine.contract.backbones import Architecture
from engine.contract.data import DataFacts
from engine.contract.jobs.detect import DetectJob
from engine.contract.models.detector import UNKNOWN_GMACS, Work
from engine.contract.policy import share_out

OF_A_PRODUCT = 0.8  # what a network does in a second, of what a plain product of matrices does
READ_SECONDS = 0.008  # decode and resize one image
WRITE_SECONDS = 0.05  # map, heatmap and mask of one tested image
MADE_UP_TESTS = 64  # images with made-up defects, where they are tested with (engine/datasets/made_up_defects.py)
START_SECONDS = 4.0  # import torch, read the job, save, load again


def count_work(job: DetectJob, facts: DataFacts) -> float:
    """The uncorrected count, in seconds."""
    good, tested = facts.train_good, facts.test_good + facts.test_defective
    shared = share_out(job, good=good, has_own_test=facts.test_good > 0)
    used = good if job.most_good is None else min(good, job.most_good)
    made_up = 0 if job.test_defects == "own" else MADE_UP_TESTS
    rate = OF_A_PRODUCT * gmacs_per_second_and_core() * cores()
    work = Work(job.image_size, job.epochs, fit=shared.fit, looked_at=used + tested, backbone=_backbone(job))
    passes = 1 if job.augmentation == "none" else job.model.passes_over_augmented
    seen = used * passes + tested + made_up
    once = (
        (good + seen - used) * READ_SECONDS
        + seen * job.model.forward_gmacs(work) / rate
        + (tested + made_up) * WRITE_SECONDS
    )
    learning = job.model.learning(work)
    learnt = learning.gmacs / rate + learning.seconds
    return START_SECONDS + once + learnt * (1 + (shared.folds or 0))


def _backbone(job: DetectJob) -> Architecture | None:
    """That of an older run may have a name that is not known any more."""
    return job.architecture or (Architecture(job.backbone, "none", gmacs=UNKNOWN_GMACS) if job.backbone else None)
