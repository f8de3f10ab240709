"""How much work a training of a classifier is, in seconds of this machine's processor: right to a factor of two or three at best."""

from assistant.machine.speed import cores, gmacs_per_second_and_core
from engine.contract.classes import classes_of
from engine.contract.data import DataFacts
from engine.contract.jobs.classify import ClassifyJob
from engine.contract.models.detector import ASKED_PIXELS, UNKNOWN_GMACS

OF_A_PRODUCT = 0.8  # what a network does in a second, of what a plain product of matrices does
PASSES = 3.0  # of a step: forward, and twice as much backward
READ_SECONDS = 0.008  # decode and resize one image
AUGMENT_SECONDS = {"none": 0.0, "light": 0.002, "strong": 0.008}
START_SECONDS = 6.0  # import torch, read the data, save, load again


def count_work(job: ClassifyJob, facts: DataFacts) -> float:
    """Reading, one pass for the head, the epochs, and a pass over what was held back."""
    images = sum(classes_of(facts, include_good=job.include_good).pictures.values())
    held_out = images * (job.validation_share + job.test_share)
    fit = max(images - held_out, 0)
    rate = OF_A_PRODUCT * gmacs_per_second_and_core() * cores()
    gmacs = (job.architecture.gmacs if job.architecture else 0.0) or UNKNOWN_GMACS
    forward = gmacs * (job.image_size / ASKED_PIXELS) ** 2 / rate
    step = PASSES * forward + AUGMENT_SECONDS[job.augmentation]
    epoch = fit * step + images * job.validation_share * forward
    return START_SECONDS + images * (READ_SECONDS + forward) + job.epochs * epoch + held_out * 2 * forward
