"""Trains memory models: one pass that collects features, then a fit that follows by itself; no gradient, no loss.

There is no validation: on good images alone a score cannot tell anything apart. What was collected is reported instead.
"""

from itertools import chain

from engine.contract.events import Collection
from engine.datasets.loading import Loader
from engine.free_memory import require_memory
from engine.report import Eta
from engine.trainers.base import BaseTrainer, Figures


class MemoryTrainer(BaseTrainer):
    """Memory models. What the model remembers are the images in the order collected, augmented ones included."""

    def train(self, train_loader: Loader) -> Figures:
        """Collect the features of all images: as they are, then augmented where the loader augments.

        There is no loss; what was collected stands beside it.
        """
        loaders = [train_loader] if train_loader.augmentation == "none" else [train_loader.plain(), train_loader]
        total_images = sum(loader.images for loader in loaders)
        self.modeler.remembered = [*self.modeler.learnt_before]
        images = samples = 0
        values, total, squares = 0, 0.0, 0.0
        collected: Figures = {}
        if self.modeler.backbone is not None:
            self.modeler.backbone.measure(train_loader.plain(), self.report)
        eta = Eta(total_images)
        for batches, batch in enumerate(chain.from_iterable(loaders), start=1):
            self.modeler.train()  # features may be restyled now
            try:
                sums = self.modeler.train_step(batch.to(self.device))
            finally:
                self.modeler.eval()
            self.modeler.remembered += batch.names
            images, samples = images + len(batch), samples + int(sums["samples"])
            values, total = values + int(sums["values"]), total + float(sums["sum"])
            squares += float(sums["sum_squares"])
            if batches == 1 and self.device.type == "cpu":
                _require_room(self.modeler.bytes_collected(), images=images, of=total_images)
            mean = total / values
            std = max(squares / values - mean**2, 0.0) ** 0.5
            collected = {"samples": samples, "batches": batches, "feature_mean": mean, "feature_std": std}
            self.report(
                Collection(
                    images=images, total_images=total_images, samples=samples, batches=batches,
                    feature_mean=mean, feature_std=std, eta_s=eta(images),
                )
            )  # fmt: skip
        return {"loss": None, "psnr": None, "ssim": None, **collected}

    def fit_memory(self) -> None:
        """Turn what was collected into the model."""
        self.modeler.fit(self.report)

    def validate(self, valid_loader: Loader) -> Figures:
        """Nothing is looked at: there is no loss to validate."""
        return {"val_loss": None, "val_psnr": None, "val_ssim": None}

    def fit(
        self, train_loader: Loader, num_epochs: int = 1, valid_loader: Loader | None = None
    ) -> dict[str, list[Figures]]:
        """One pass, then the fit. `valid_loader` is not looked at."""
        if num_epochs != 1:
            raise ValueError(f"num_epochs is {num_epochs}, but a memory model takes exactly 1: it collects in one pass")
        collected = self.train(train_loader)
        self.fit_memory()
        return {"train": [collected], "val": []}


def _require_room(collected: int, *, images: int, of: int) -> None:
    require_memory(
        collected // images * (of - images),
        what=f"collecting the features of {of} images",
        instead="take fewer images, a smaller image_size, higher layers or a smaller backbone",
    )
