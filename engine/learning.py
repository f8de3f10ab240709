"""How a run comes to a model: built, learnt from some of the good pictures, with a smaller batch when memory runs out.

A run learns once for the model it keeps and, where the threshold is set leave-one-out, once more for each fold.
"""

import copy
import gc
import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.contract.continuing import CHECKPOINT, lowered_batch, read_continued
from engine.contract.events import Batches, Event, Warned, read_events
from engine.contract.jobs.detect import DetectJob
from engine.contract.policy import MOST_FOLDS, GoodPolicy, choose_policy
from engine.datasets import Item
from engine.datasets.loading import Loader, Pictures
from engine.datasets.splits import Split, folds
from engine.evaluation.calibration import Calibration, calibrate, calibration_from
from engine.evaluation.inspection import inspect
from engine.failures import SettingError, is_out_of_memory
from engine.free_memory import NeverEnough
from engine.models import AnomalyModel, build_model
from engine.report import Report, Reporter
from engine.trainers.base import BaseTrainer
from engine.trainers.factory import get_trainer

LEARNING_STAGES = ("collecting", "training")


class Learning:
    """What the model that a run keeps and those of its folds have in common.

    Raises:
        SettingError: the model cannot be built from this spec.
    """

    def __init__(
        self,
        spec: DetectJob,
        run: Path,
        *,
        pictures: Pictures,
        data: str,
        device: torch.device,
        report: Report,
        weights_folder: Path | None,
        hub: bool,
    ):
        self.spec = spec
        self.run = run
        self.pictures = pictures
        self.data = data  # fingerprint
        self.device = device
        self.report = report
        self.weights_folder, self.hub = weights_folder, hub
        self.batch_size = _batch_size(spec, run)
        self.model = self._built()
        self._untrained: AnomalyModel | None = None

    def loader(self, items: list[Item], *, changing: bool = False) -> Loader:
        """Batches of the items: as they are, or `changing`, as a model learns from them (shuffled, augmented, with defects)."""
        plain = Loader(items, image_size=self.spec.image_size, batch_size=self.batch_size, pictures=self.pictures)
        if not changing or (self.spec.model.family == "memory" and self.spec.augmentation == "none"):
            return plain
        return Loader(
            items,
            image_size=self.spec.image_size,
            batch_size=self.batch_size,
            pictures=self.pictures,
            seed=self.spec.seed,
            augmentation=self.spec.augmentation,
            synthesis=self.model.synthesis(),
        )

    def learn(self, split: Split, *, policy: GoodPolicy) -> BaseTrainer:
        """Fit the model; in a collecting or training that memory does not suffice for, once more with half the batch."""
        if policy == "leave_one_out":
            self._untrained = _copy(self.model, shares_backbone=_is_backbone_the_same(self.spec))
        try:
            return self._learn(split)
        except (MemoryError, RuntimeError, OSError) as error:
            if not self._may_lower(error):
                raise
        # here the traceback is gone, and with it all that the failed training held
        self._lower_batch()
        return self._learn(split)

    def calibrate(self, trainer: BaseTrainer, split: Split, *, policy: GoodPolicy) -> Calibration:
        """Thresholds from good pictures that the model, or the model of their fold, has not seen."""
        rate = self.spec.overkill_rate
        self.report.begin("calibrating")
        if self.spec.model.family == "ensemble":  # its members' scales come from the same pictures as its threshold
            trainer.fit(self.loader(split.calibration))
        if trainer.held_out is not None:
            return calibration_from(*trainer.held_out, overkill_rate=rate, policy=policy)
        if policy == "leave_one_out":
            return self._leave_one_out(split)
        return calibrate(
            self.model, self.loader(split.calibration), overkill_rate=rate, policy=policy, report=self.report
        )

    def _built(self) -> AnomalyModel:
        try:
            return build_model(
                self.spec,
                weights_folder=self.weights_folder,
                hub=self.hub,
                warn=self.report,
                runs=self.run.parent,
            )
        except (ValueError, LookupError) as error:
            raise SettingError(str(error)) from error

    def _learn(self, split: Split) -> BaseTrainer:
        family, report = self.spec.model.family, self.report
        settings = self._resumable(split) if family in ("gradient", "flow") else {}
        trainer = self._trainer(self.model, report, **settings)
        if family == "memory":
            report.begin("collecting")
            trainer.train(self.loader(split.fit, changing=True))
            report.begin("fitting")
            self.model.fit(report)
        elif family != "ensemble":  # whose members have learnt already
            report.begin("training")
            self._epochs(trainer, split)
        return trainer

    def _epochs(self, trainer: BaseTrainer, split: Split) -> None:
        validation = self.loader(split.validation) if split.validation else None
        learnt_from = self.loader([*split.fit, *split.labelled], changing=True)
        trainer.fit(learnt_from, num_epochs=self.spec.epochs, valid_loader=validation)

    def _trainer(self, model: AnomalyModel, report: Reporter, **settings: Any) -> BaseTrainer:
        if self.spec.model.family in ("gradient", "flow"):
            settings |= {"patience": getattr(self.spec.model, "patience", 0), "precision": self.spec.precision}
        return get_trainer(self.spec.model.family, model, device=self.device, report=report, **settings)

    def _resumable(self, split: Split) -> dict[str, Any]:
        names = [[item.name for item in part] for part in (split.fit, split.labelled, split.validation)]
        backbone = self.model.backbone.fingerprint() if self.model.backbone else None
        same = [self.spec.model_dump(), self.batch_size, names, self.data, backbone, torch.__version__]
        key = hashlib.sha256(json.dumps(same, allow_nan=False).encode()).hexdigest()
        return {"checkpoints": self.run / CHECKPOINT.parent, "resume": True, "key": key}

    def _may_lower(self, error: BaseException) -> bool:
        """Only once, and only where a smaller batch can help."""
        return (
            is_out_of_memory(error)
            and not isinstance(error, NeverEnough)
            and self.report.stage in LEARNING_STAGES
            and self.batch_size > 1
            and self.batch_size == self.spec.batch_size
        )

    def _lower_batch(self) -> None:
        (self.run / CHECKPOINT).unlink(missing_ok=True)  # it was made with the larger batch
        del self.model  # what it collected, before the next one is built
        gc.collect()
        if self.device.type == "cuda":
            torch.cuda.empty_cache()
        old, self.batch_size = self.batch_size, self.batch_size // 2
        message = f"memory ran out with batches of {old} pictures; this stage starts again with {self.batch_size}"
        self.report(Warned(code="batch_lowered", message=message, values={"old": old, "new": self.batch_size}))
        self.model = self._built()

    def _leave_one_out(self, split: Split) -> Calibration:
        """Each good picture scored by a model that was fitted without its fold."""
        parts = folds(split.fit, MOST_FOLDS[self.spec.model.family], self.spec.seed)
        scores: list[np.ndarray] = []
        highs: list[np.ndarray] = []

        def alive(event: Event | None = None) -> None:
            """All that a fold's model tells is how far the folds are."""
            self.report(Batches(what="calibrating", done=sum(map(len, scores)), total=len(split.fit)))

        for fit, held_out in parts:
            assert self._untrained is not None
            torch.manual_seed(self.spec.seed)
            model = _copy(self._untrained, shares_backbone=_is_backbone_the_same(self.spec))
            trainer = self._trainer(model, alive)
            if self.spec.model.family == "memory":
                trainer.fit(self.loader(fit, changing=True))
            else:
                self._epochs(trainer, replace(split, fit=fit))
            found = inspect(model.eval(), self.loader(held_out), what="calibrating", report=lambda event: alive())
            scores.append(found.scores)
            highs.append(found.map_highs)
            alive()
        return calibration_from(
            np.concatenate(scores),
            np.concatenate(highs),
            overkill_rate=self.spec.overkill_rate,
            policy="leave_one_out",
            folds=len(parts),
        )


def policy_for(spec: DetectJob, split: Split) -> GoodPolicy:
    """The threshold policy of a run whose pictures are shared out like this."""
    tested = sum(item.split == "train" for item in split.test)  # held out, because the data set keeps none for testing
    good = len(split.fit) + len(split.validation) + len(split.calibration) + tested
    return choose_policy(spec, good=good, has_own_test=tested == 0)


def _batch_size(spec: DetectJob, run: Path) -> int:
    """That of the spec, or the lower one that an interrupted run had come to, this one or the one it goes on from."""
    continued = read_continued(run)
    return lowered_batch(read_events(run)) or (continued.batch_size if continued else None) or spec.batch_size


def _is_backbone_the_same(spec: DetectJob) -> bool:
    """Whether learning leaves the backbone as it was, statistics of its features included."""
    return not spec.model.adapts_backbone and spec.feature_normalisation != "batch"


def _copy(model: AnomalyModel, *, shares_backbone: bool) -> AnomalyModel:
    """A copy of a model; backbones are large, so a frozen one is shared."""
    return copy.deepcopy(model, {id(model.backbone): model.backbone} if shares_backbone else {})
