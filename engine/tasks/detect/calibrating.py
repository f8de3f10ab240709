"""How a run comes to its thresholds: from good pictures that the model, or the model of their fold, has not seen."""

from dataclasses import replace

import numpy as np
import torch

from engine.contract.events import Batches, Event, Warned
from engine.contract.policy import GoodPolicy
from engine.datasets.splits import Split, folds
from engine.evaluation.calibration import Calibration, calibration_from
from engine.report import Report
from engine.scorer import Scorer
from engine.tasks.detect.learning import Learning
from engine.trainers.base import BaseTrainer


def calibrate_run(learning: Learning, trainer: BaseTrainer, split: Split, *, policy: GoodPolicy) -> Calibration:
    """The thresholds of the model that `learning` has learnt, by policy.

    One that learns on keeps the higher of its own and those of the model before: so good pictures of the old look, which are not here, pass as
    they did, and the promise to those of the new look holds all the more.
    """
    own = _own(learning, trainer, split, policy=policy)
    if learning.model.before is None:
        return own
    before = learning.model.before.thresholds
    image, pixel = (
        mine.model_copy(update={"value": theirs.value, "kept": True}) if theirs.value > mine.value else mine
        for mine, theirs in ((own.image, before.image), (own.pixel, before.pixel))
    )
    if image.kept:
        values = {"kept": image.value, "own": own.image.value}
        message = (
            f"the threshold of the run before, {image.value:.4g}, is kept: the new good pictures alone would set it at {own.image.value:.4g}, "
            "and some good ones of the old look would be overkilled"
        )
        learning.report(Warned(code="threshold_kept", message=message, values=values))
    return replace(own, image=image, pixel=pixel)


def _own(learning: Learning, trainer: BaseTrainer, split: Split, *, policy: GoodPolicy) -> Calibration:
    rate = learning.job.overkill_rate
    if learning.job.model.joins_runs:  # its members' scales come from the same pictures as its threshold
        trainer.fit(learning.loader(split.calibration))
    if trainer.held_out is not None:
        return calibration_from(*trainer.held_out, overkill_rate=rate, policy=policy)
    if policy == "leave_one_out":
        return _leave_one_out(learning, split)
    loader = learning.loader(split.calibration)
    found = Scorer(learning.model).inspect(loader, what="calibrating", report=learning.report)
    return calibration_from(found.scores, found.map_highs, overkill_rate=rate, policy=policy)


def warn_of_few_good(calibration: Calibration, report: Report) -> None:
    promise = calibration.image.promise
    if promise.is_enough or promise.promised is None:  # a percentile promises nothing
        return
    said = promise.said()
    message = (
        f"{said['count']} good pictures cannot promise an overkill rate of {said['rate']} %, only {said['promised']} %; "
        f"that takes {said['needed']}"
    )
    values = {
        "calibration": said["count"],
        "needed": said["needed"],
        "overkill": said["rate"],
        "promised": said["promised"],
    }
    report(Warned(code="few_good", message=message, values=values))


def _leave_one_out(learning: Learning, split: Split) -> Calibration:
    """Each good picture scored by a model that was fitted without its fold."""
    job = learning.job
    parts = folds(split.fit, job.model.most_folds, job.seed)
    scores: list[np.ndarray] = []
    highs: list[np.ndarray] = []

    def alive(event: Event | None = None) -> None:
        """All that a fold's model tells is how far the folds are."""
        learning.report(Batches(what="calibrating", done=sum(map(len, scores)), total=len(split.fit)))

    with learning.learning_folds():
        for fit, held_out in parts:
            torch.manual_seed(job.seed)
            model = learning.learn_fold(replace(split, fit=fit), report=alive)
            held_out_loader = learning.loader(held_out)
            found = Scorer(model).inspect(held_out_loader, what="calibrating", report=lambda event: alive())
            scores.append(found.scores)
            highs.append(found.map_highs)
            alive()
    return calibration_from(
        np.concatenate(scores),
        np.concatenate(highs),
        overkill_rate=job.overkill_rate,
        policy="leave_one_out",
        folds=len(parts),
    )
