"""How a classification comes to a model: built, fine-tuned, with a smaller batch when memory runs out."""

import math

from engine.contract.folder import RunFolder
from engine.contract.jobs.classify import ClassifyJob
from engine.contract.results.classify import Learnt
from engine.datasets import Item
from engine.datasets.loading import Loader, Pictures
from engine.failures import SettingError
from engine.report import Report
from engine.tasks.batch_size import batch_size_of, can_be_lowered, lowered
from engine.tasks.checkpoint_key import checkpoint_key
from engine.tasks.classify.classifier import Classifier, build_classifier
from engine.tasks.classify.sharing import Shared
from engine.tasks.place import Place
from engine.trainers.gradient import GradientTrainer
from engine.trainers.progress import Position


class Learning:
    """The classifier of a run, and the pictures that it learns from.

    Raises:
        SettingError: the classifier cannot be built from this job.
    """

    checkpoint_every_s = 5.0

    def __init__(
        self,
        job: ClassifyJob,
        folder: RunFolder,
        shared: Shared,
        *,
        pictures: Pictures,
        data: str,
        place: Place,
        report: Report,
    ):
        self.job = job
        self.folder = folder
        self.shared = shared
        self.pictures = pictures
        self.data = data  # fingerprint
        self.place = place
        self.report = report
        self.batch_size = batch_size_of(job.batch_size, folder)
        self.model = self._built()
        self.learnt: Learnt | None = None  # which state was kept, once there is one

    def loader(self, items: list[Item], *, changing: bool = False) -> Loader:
        """Batches of the items with their classes: as they are, or `changing`, as a model learns from them."""
        return Loader(
            items,
            image_size=self.job.image_size,
            batch_size=self.batch_size,
            pictures=self.pictures,
            seed=self.job.seed if changing else None,
            augmentation=self.job.augmentation if changing else "none",
            label_of=self.shared.index_of,
        )

    def learn(self) -> Classifier:
        """Fine-tune the model; where memory does not suffice for that, once more with half the batch."""
        self.report.begin("training")
        try:
            return self._learn()
        except (MemoryError, RuntimeError, OSError) as error:
            if not can_be_lowered(self.batch_size, error, asked=self.job.batch_size):
                raise
        # here the traceback is gone, and with it all that the failed training held
        del self.model
        self.batch_size = lowered(self.batch_size, self.folder, device=self.place.device, report=self.report)
        self.model = self._built()
        return self._learn()

    def _learn(self) -> Classifier:
        trainer = GradientTrainer(
            self.model,
            patience=self.job.model.patience,
            checkpoints=self.folder.checkpoints,
            checkpoint_every_s=self.checkpoint_every_s,
            resume=True,
            key=checkpoint_key(
                self.job,
                self.folder,
                batch_size=self.batch_size,
                parts=(self.shared.fit, self.shared.validation),
                data=self.data,
                began_with=self.model.fingerprint,
            ),
            precision=self.job.precision,
            device=self.place.device,
            report=self.report,
        )
        trainer.fit(
            self.loader(self.shared.fit, changing=True),
            num_epochs=self.job.epochs,
            valid_loader=self.loader(self.shared.validation),
        )
        self.learnt = self._learnt(trainer.position)
        return self.model

    def _learnt(self, at: Position) -> Learnt | None:
        """None where nobody measured what the model could do before the first epoch, as in checkpoints of older versions."""
        if not math.isfinite(at.loss_before):
            return None
        losses = [loss for each in at.history["val"] if (loss := each.get("val_loss")) is not None]
        return Learnt(
            epoch=at.best_epoch,
            epochs=at.epoch,
            val_loss=at.best_loss,
            val_loss_before=at.loss_before,
            best_val_loss=min(losses, default=None),
            head_fitted=self.model.fits_head_alone,
        )

    def _built(self) -> Classifier:
        try:
            return build_classifier(
                self.job,
                self.shared.counts(self.shared.fit),
                weights_folder=self.place.weights_folder,
                hub=self.place.hub,
                warn=self.report,
            )
        except (ValueError, LookupError) as error:
            raise SettingError(str(error)) from error
