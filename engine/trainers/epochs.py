"""The trainer that gradient and flow models share: epochs, losses, early stopping, schedule, best state, checkpoints."""

import copy
import math
import time
from contextlib import nullcontext
from pathlib import Path

import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from engine.checkpoints import save_state
from engine.datasets.loading import Loader
from engine.events import Artifact, Batches, Epoch
from engine.models import AnomalyModel
from engine.recipes import Recipe
from engine.report import Eta, Reporter, silent
from engine.trainers.base import BaseTrainer, Figures

FIGURES = ("loss", "psnr", "ssim")
SECONDS_BETWEEN_CHECKPOINTS = 5.0


class EpochTrainer(BaseTrainer):
    """Trains the modeler by its own recipe, epoch by epoch.

    Watches the validation loss, or the training loss without validation images. The best state is what the model
    holds at the end, and what `checkpoints`/best.safetensors holds meanwhile. `patience` epochs without a better one
    end the training; 0 never does.
    """

    def __init__(
        self,
        modeler: AnomalyModel,
        *,
        patience: int = 0,
        checkpoints: Path | None = None,
        device: str | torch.device = "cpu",
        report: Reporter = silent,
    ):
        super().__init__(modeler, device=device, report=report)
        self.recipe: Recipe | None = None  # of the training that goes on
        self.patience = patience
        self.checkpoints = checkpoints
        self._written = -math.inf  # time of the last checkpoint

    def fit(
        self, train_loader: Loader, num_epochs: int = 1, valid_loader: Loader | None = None
    ) -> dict[str, list[Figures]]:
        """Up to `num_epochs` epochs; the history has one entry for each that was run."""
        history: dict[str, list[Figures]] = {"train": [], "val": []}
        self.modeler.prepare(train_loader, self.report)
        self.recipe = recipe = self.modeler.recipe(epochs=num_epochs, steps_per_epoch=len(train_loader))
        best, best_loss, best_epoch = self._state(), math.inf, 0
        eta = Eta(num_epochs)
        frozen = getattr(self.modeler, "frozen_features", None)
        with frozen.keeping() if frozen else nullcontext():
            for epoch in range(1, num_epochs + 1):
                rate = recipe.optimiser.param_groups[0]["lr"]
                trained = self.train(train_loader, epoch=epoch)
                validated = self.validate(valid_loader) if valid_loader is not None and len(valid_loader) else {}
                history["train"].append(trained)
                history["val"] += [validated] if validated else []
                watched = _number(validated.get("val_loss", trained["loss"]))
                is_best = watched < best_loss
                if is_best:
                    best, best_loss, best_epoch = self._state(), watched, epoch
                    self._checkpoint(best)
                figures = {**trained, **validated}
                self.report(Epoch(epoch=epoch, epochs=num_epochs, lr=rate, best=is_best, eta_s=eta(epoch), **figures))
                if self.patience and epoch - best_epoch >= self.patience:
                    break
                if isinstance(recipe.schedule, ReduceLROnPlateau):
                    recipe.schedule.step(watched)
                elif recipe.schedule is not None and recipe.every == "epoch":
                    recipe.schedule.step()
        self.modeler.load_saved(best)
        self.modeler.finish(train_loader, valid_loader, self.report)
        best = self._state()
        self._checkpoint(best, last=True)
        return history

    def train(self, train_loader: Loader, *, epoch: int = 1) -> Figures:
        """One pass with gradient steps: the mean figures over its images.

        Raises:
            FloatingPointError: the loss is no longer a finite number.
        """
        recipe = self.recipe or self.modeler.recipe(epochs=1, steps_per_epoch=len(train_loader))
        mean = _Mean()
        self.modeler.train()
        try:
            for batch in train_loader:
                measured = self.modeler.train_step(batch.to(self.device))
                _refuse_non_finite(measured["loss"], epoch, rate=recipe.optimiser.param_groups[0]["lr"])
                self._step(recipe, measured["loss"])
                mean.add(measured, len(batch))
                self.report(Batches(what="training", done=mean.images, total=train_loader.images, epoch=epoch))
        finally:
            self.modeler.eval()
        return {name: mean.of(name) for name in FIGURES}

    def validate(self, valid_loader: Loader) -> Figures:
        """One pass over held-out good images, nothing learnt."""
        mean = _Mean()
        for batch in valid_loader:
            mean.add(self.modeler.validate_step(batch.to(self.device)), len(batch))
        return {f"val_{name}": mean.of(name) for name in FIGURES}

    def _step(self, recipe: Recipe, loss: torch.Tensor) -> None:
        recipe.optimiser.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        if recipe.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(self.modeler.parameters_to_train(), recipe.clip_norm)
        recipe.optimiser.step()
        if recipe.schedule is not None and recipe.every == "step":
            assert not isinstance(recipe.schedule, ReduceLROnPlateau)
            recipe.schedule.step()

    def _state(self) -> dict[str, torch.Tensor]:
        return copy.deepcopy(self.modeler.state_to_save())

    def _checkpoint(self, state: dict[str, torch.Tensor], *, last: bool = False) -> None:
        """Write the best state, not more often than every few seconds; the last one always."""
        if self.checkpoints is None or (not last and time.monotonic() - self._written < SECONDS_BETWEEN_CHECKPOINTS):
            return
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        save_state(self.checkpoints / "best.safetensors", state)
        self._written = time.monotonic()
        if last:
            self.report(Artifact(kind="checkpoint", path=f"{self.checkpoints.name}/best.safetensors"))


def _refuse_non_finite(loss: torch.Tensor, epoch: int, *, rate: float) -> None:
    if not torch.isfinite(loss):
        raise FloatingPointError(
            f"the loss became {loss.item()} in epoch {epoch} with learning_rate {rate:g}: the training diverged; "
            f"take a lower learning_rate, such as {rate / 10:g}"
        )


class _Mean:
    """Means over images of what steps return, each step weighted by its batch size."""

    def __init__(self) -> None:
        self.images = 0
        self._sums: dict[str, float] = {}

    def add(self, measured: dict[str, torch.Tensor], images: int) -> None:
        self.images += images
        for name, value in measured.items():
            self._sums[name] = self._sums.get(name, 0.0) + float(value.detach()) * images

    def of(self, name: str) -> float | None:
        """None for a figure that the model does not have."""
        return self._sums[name] / self.images if name in self._sums else None


def _number(value: float | None) -> float:
    return math.inf if value is None else value
