"""How a run comes to a model: built, learnt from some of the good pictures, with a smaller batch when memory runs out.

A run learns once for the model it keeps and, where the threshold is set leave-one-out, once more for each fold.
"""

import copy
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from engine.contract.folder import RunFolder
from engine.contract.jobs.detect import DetectJob
from engine.contract.policy import GoodPolicy
from engine.datasets import Item
from engine.datasets.loading import Loader, Pictures
from engine.datasets.splits import Split
from engine.failures import SettingError
from engine.models import AnomalyModel
from engine.models.ensemble import Ensemble
from engine.report import Report, Reporter
from engine.tasks.batch_size import batch_size_of, can_be_lowered, lowered
from engine.tasks.checkpoint_key import checkpoint_key
from engine.tasks.detect.assembly import assemble_model
from engine.tasks.place import Place
from engine.trainers.base import BaseTrainer
from engine.trainers.factory import get_trainer

LEARNING_STAGES = ("collecting", "training")
KEPT_MB = 1024  # of features while folds are learnt


class Learning:
    """What the model that a run keeps and those of its folds have in common.

    Raises:
        SettingError: the model cannot be built from this job.
    """

    def __init__(
        self,
        job: DetectJob,
        folder: RunFolder,
        *,
        pictures: Pictures,
        data: str,
        place: Place,
        report: Report,
    ):
        self.job = job
        self.folder = folder
        self.pictures = pictures
        self.data = data  # fingerprint
        self.place = place
        self.report = report
        self.batch_size = batch_size_of(job.batch_size, folder)
        self.model = self._built()
        self._untrained: AnomalyModel | None = None

    def loader(self, items: list[Item], *, changing: bool = False) -> Loader:
        """Batches of the items: as they are, or `changing`, as a model learns from them (shuffled, augmented, with defects)."""
        plain = Loader(items, image_size=self.job.image_size, batch_size=self.batch_size, pictures=self.pictures)
        if not changing or (not self.job.model.learns_in_epochs and self.job.augmentation == "none"):
            return plain
        return Loader(
            items,
            image_size=self.job.image_size,
            batch_size=self.batch_size,
            pictures=self.pictures,
            seed=self.job.seed,
            augmentation=self.job.augmentation,
            synthesis=self.model.synthesis(),
        )

    def learn(self, split: Split, *, policy: GoodPolicy) -> BaseTrainer:
        """Fit the model; in a collecting or training that memory does not suffice for, once more with half the batch."""
        if policy == "leave_one_out":
            self._untrained = _copy(self.model, shares_backbone=_is_backbone_the_same(self.job))
        try:
            return self._learn(split)
        except (MemoryError, RuntimeError, OSError) as error:
            if not self._may_lower(error):
                raise
        # here the traceback is gone, and with it all that the failed training held
        del self.model  # what it collected, before the next one is built
        self.batch_size = lowered(self.batch_size, self.folder, device=self.place.device, report=self.report)
        self.model = self._built()
        return self._learn(split)

    def learn_fold(self, split: Split, *, report: Reporter) -> AnomalyModel:
        """A model that begins as the kept one began and learns from this split alone; after `learn` with leave_one_out."""
        assert self._untrained is not None
        model = _copy(self._untrained, shares_backbone=_is_backbone_the_same(self.job))
        trainer = self._trainer(model, report)
        if self.job.model.learns_in_epochs:
            self._epochs(trainer, split)
        else:
            trainer.fit(self.loader(split.fit, changing=True))
        return model.eval()

    def learning_folds(self) -> AbstractContextManager[None]:
        """A block in which folds are learnt: a frozen backbone looks once at a picture that is in all of them but one."""
        backbone = self.model.backbone
        if backbone is None or self.job.model.learns_in_epochs or not _is_backbone_the_same(self.job):
            return nullcontext()
        return backbone.keeping(memory_mb=KEPT_MB)

    def _built(self) -> AnomalyModel:
        try:
            model = assemble_model(
                self.job,
                weights_folder=self.place.weights_folder,
                hub=self.place.hub,
                warn=self.report,
                runs=self.place.runs,
            )
        except (ValueError, LookupError) as error:
            raise SettingError(str(error)) from error
        if isinstance(model, Ensemble) and model.data_fingerprint != self.data:
            raise SettingError(
                "the members of the ensemble were trained on other pictures than those of this data set, or it has changed "
                "since: pictures to test with may be ones that a member learnt from; train the members again"
            )
        return model

    def _learn(self, split: Split) -> BaseTrainer:
        params, report = self.job.model, self.report
        settings = self._resumable(split) if params.learns_in_epochs else {}
        trainer = self._trainer(self.model, report, **settings)
        if params.learns_in_epochs:
            report.begin("training")
            self._epochs(trainer, split)
        elif not params.joins_runs:  # whose members have learnt already
            report.begin("collecting")
            trainer.train(self.loader(split.fit, changing=True))
            report.begin("fitting")
            self.model.fit(report)
        return trainer

    def _epochs(self, trainer: BaseTrainer, split: Split) -> None:
        validation = self.loader(split.validation) if split.validation else None
        learnt_from = self.loader([*split.fit, *split.labelled], changing=True)
        trainer.fit(learnt_from, num_epochs=self.job.epochs, valid_loader=validation)

    def _trainer(self, model: AnomalyModel, report: Reporter, **settings: Any) -> BaseTrainer:
        if self.job.model.learns_in_epochs:
            settings |= {"patience": getattr(self.job.model, "patience", 0), "precision": self.job.precision}
        return get_trainer(self.job.model.family, model, device=self.place.device, report=report, **settings)

    def _resumable(self, split: Split) -> dict[str, Any]:
        key = checkpoint_key(
            self.job,
            self.folder,
            batch_size=self.batch_size,
            parts=(split.fit, split.labelled, split.validation),
            data=self.data,
            began_with=self.model.backbone.fingerprint() if self.model.backbone else None,
        )
        return {"checkpoints": self.folder.checkpoints, "resume": True, "key": key}

    def _may_lower(self, error: BaseException) -> bool:
        """Only in a stage in which pictures go through in batches."""
        return (
            can_be_lowered(self.batch_size, error, asked=self.job.batch_size) and self.report.stage in LEARNING_STAGES
        )


def _is_backbone_the_same(job: DetectJob) -> bool:
    """Whether learning leaves the backbone as it was, statistics of its features included."""
    return not job.model.adapts_backbone and job.feature_normalisation != "batch"


def _copy(model: AnomalyModel, *, shares_backbone: bool) -> AnomalyModel:
    """A copy of a model; backbones are large, so a frozen one is shared."""
    return copy.deepcopy(model, {id(model.backbone): model.backbone} if shares_backbone else {})
