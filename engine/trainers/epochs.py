"""The trainer that gradient and flow models share: epochs, losses, early stopping, schedule, best state, checkpoints."""

import copy
import math
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import Any, Literal

import torch
from torch.optim.lr_scheduler import ReduceLROnPlateau

from engine.checkpoints import State, save_state
from engine.contract.events import Artifact, Batches, Epoch, Warned
from engine.contract.folder import Checkpoints, RunFolder
from engine.datasets.loading import Loader
from engine.layers.frozen_features import FrozenFeatures
from engine.learner import Learner
from engine.recipes import Recipe
from engine.report import Eta, Reporter, silent
from engine.trainers.base import BaseTrainer, Figures
from engine.trainers.progress import Position, Resumed, load_progress, save_progress, set_random_state

MOST_TIME_WRITING = 0.05  # share of the time that goes into checkpoints
LOSSES = ("loss", "val_loss")
Precision = Literal["auto", "float32", "mixed"]


class EpochTrainer(BaseTrainer):
    """Trains the modeler by its own recipe, epoch by epoch.

    Watches the validation loss, or the training loss without validation images. The best state is what the model
    holds at the end, and what `checkpoints`/best.safetensors holds meanwhile. `patience` epochs without a better one
    end the training; 0 never does. `checkpoints`/last.safetensors holds all that is needed to go on after the last
    epoch; with `resume` the training starts there, if the file's `key` is the same, and ends as it would have without
    the interruption. Both files are written after an epoch, `checkpoint_every_s` seconds apart or more; 0 is every epoch.

    `precision` "mixed" computes the loss in bfloat16 where that is exact enough, in float16 on a GPU without; "auto"
    does so on a GPU. Scores are always computed in float32.
    """

    layout = torch.contiguous_format  # of the learning networks' weights while they learn

    def __init__(
        self,
        modeler: Learner,
        *,
        patience: int = 0,
        checkpoints: Path | None = None,
        checkpoint_every_s: float = 5.0,
        resume: bool = False,
        key: str = "",
        precision: Precision = "float32",
        device: str | torch.device = "cpu",
        report: Reporter = silent,
    ):
        super().__init__(modeler, device=device, report=report)  # type: ignore[arg-type]  # nobody asks it for scores
        self.recipe: Recipe | None = None  # of the training that goes on
        self.patience = patience
        self.checkpoints = checkpoints
        self.checkpoint_every_s = checkpoint_every_s
        self.resume = resume
        self.key = key
        self.dtype = _dtype(precision, self.device)
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self.dtype == torch.float16)
        self._next_checkpoint = -math.inf
        self.position = Position()  # how far the latest training came, and which epoch was its best

    def fit(
        self, train_loader: Loader, num_epochs: int = 1, valid_loader: Loader | None = None
    ) -> dict[str, list[Figures]]:
        """Up to `num_epochs` epochs; the history has one entry for each that was run."""
        with self._laid_out():
            history = self._fit(train_loader, num_epochs, valid_loader)
        self.modeler.remembered = [item.name for item in train_loader.items]  # as `finish` has seen them
        self.recipe = None  # the optimiser's state and the gradients are as large as the model
        self.modeler.zero_grad(set_to_none=True)
        return history

    def _fit(self, train_loader: Loader, num_epochs: int, valid_loader: Loader | None) -> dict[str, list[Figures]]:
        self._next_checkpoint = time.monotonic() + self.checkpoint_every_s
        resumed = self._resume(train_loader, num_epochs)
        if resumed is None:
            if self.modeler.backbone is not None:
                self.modeler.backbone.measure(train_loader.plain(), self.report)
            self.modeler.prepare(train_loader.plain(), self.report)
            self.recipe = self.modeler.recipe(epochs=num_epochs, steps_per_epoch=len(train_loader))
            at, best = Position(passes=train_loader.passes), self._state()
            if self.modeler.begins_useful and valid_loader is not None and len(valid_loader):
                at.best_loss = at.loss_before = _number(self.validate(valid_loader)["val_loss"])
            self._checkpoint(at, best)
        else:
            at, best = resumed.position, resumed.best
            train_loader.passes = at.passes
        self.position = at
        if at.is_over:
            return at.history
        recipe, eta, before = self.recipe, Eta(num_epochs - at.epoch), at.epoch
        assert recipe is not None
        frozen = self.modeler.frozen_features
        with frozen.keeping() if frozen else nullcontext():
            if resumed is not None:
                self._remember(frozen, train_loader, valid_loader, first=at.passes - at.epoch)
                set_random_state(resumed.random)
            for epoch in range(at.epoch + 1, num_epochs + 1):
                if self.patience and at.epoch - at.best_epoch >= self.patience:
                    break
                rate = recipe.optimiser.param_groups[0]["lr"]
                trained = self.train(train_loader, epoch=epoch)
                validated = self.validate(valid_loader) if valid_loader is not None and len(valid_loader) else {}
                at.history["train"].append(trained)
                at.history["val"] += [validated] if validated else []
                at.epoch, at.passes = epoch, train_loader.passes
                watched = _number(validated.get("val_loss", trained["loss"]))
                is_best = watched < at.best_loss
                if is_best:
                    best, at.best_loss, at.best_epoch = self._state(), watched, epoch
                if isinstance(recipe.schedule, ReduceLROnPlateau):
                    recipe.schedule.step(watched)
                elif recipe.schedule is not None and recipe.every == "epoch":
                    recipe.schedule.step()
                self.report(
                    _event(trained | validated, epoch, num_epochs, lr=rate, best=is_best, eta_s=eta(epoch - before))
                )
                self._checkpoint(at, best)  # of a told epoch: who goes on from it finds all epochs before in the log
        self.modeler.load_saved(best)
        self.modeler.finish(train_loader.plain(), valid_loader, self.report)
        at.is_over = True
        self._checkpoint(at, self._state())
        return at.history

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
                with self._autocast():
                    measured = self.modeler.train_step(batch.to(self.device))
                _refuse_non_finite(measured["loss"], epoch, rate=recipe.optimiser.param_groups[0]["lr"])
                self._step(recipe, measured["loss"])
                mean.add(measured, len(batch))
                self.report(Batches(what="training", done=mean.images, total=train_loader.images, epoch=epoch))
        finally:
            self.modeler.eval()
        return {name: mean.of(name) for name in self.modeler.figures}

    def validate(self, valid_loader: Loader) -> Figures:
        """One pass over held-out good images, nothing learnt."""
        mean = _Mean()
        for batch in valid_loader:
            with self._autocast():
                measured = self.modeler.validate_step(batch.to(self.device))
            mean.add(measured, len(batch))
            self.report(Batches(what="validating", done=mean.images, total=valid_loader.images))
        return {f"val_{name}": mean.of(name) for name in self.modeler.figures}

    def _step(self, recipe: Recipe, loss: torch.Tensor) -> None:
        recipe.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        if recipe.clip_norm is not None:
            self.scaler.unscale_(recipe.optimiser)
            torch.nn.utils.clip_grad_norm_(self.modeler.parameters_to_train(), recipe.clip_norm)
        self.scaler.step(recipe.optimiser)
        self.scaler.update()
        if recipe.schedule is not None and recipe.every == "step":
            assert not isinstance(recipe.schedule, ReduceLROnPlateau)
            recipe.schedule.step()

    @contextmanager
    def _laid_out(self) -> Iterator[None]:
        """Weights in the family's layout. Afterwards in the common one, as a model loaded from disk has them."""
        networks = [child for name, child in self.modeler.named_children() if name != "backbone"]
        try:
            for network in networks:
                network.to(memory_format=self.layout)  # type: ignore[call-overload]
            yield
        finally:
            for network in networks:
                network.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]

    def _autocast(self) -> AbstractContextManager[object]:
        return nullcontext() if self.dtype == torch.float32 else torch.autocast(self.device.type, self.dtype)

    def _state(self) -> State:
        return copy.deepcopy(self.modeler.state_to_save())

    def _resume(self, train_loader: Loader, num_epochs: int) -> Resumed | None:
        """Take the last checkpoint over; None where there is none to go on from."""
        if not self.resume or self.checkpoints is None or not (path := Checkpoints(self.checkpoints).last).exists():
            return None
        self.recipe = self.modeler.recipe(epochs=num_epochs, steps_per_epoch=len(train_loader))
        try:
            resumed = load_progress(path, key=self.key, model=self.modeler, recipe=self.recipe, scaler=self.scaler)
        except ValueError as error:
            message = f"the training cannot go on where it was interrupted and starts anew: {error}"
            self.report(Warned(code="checkpoint_damaged", message=message))
            return None
        done = resumed.position.epoch
        message = f"the training was interrupted; it goes on after epoch {done} of {num_epochs}"
        self.report(Warned(code="resumed", message=message, values={"epoch": done, "epochs": num_epochs}))
        return resumed

    def _remember(self, frozen: FrozenFeatures | None, train: Loader, valid: Loader | None, *, first: int) -> None:
        """Compute the kept features in the batches of the first epoch: the rounding of a network depends on its batch."""
        if frozen is None:
            return
        passes, train.passes = train.passes, first
        for loader in (train, valid) if valid is not None else (train,):
            done = 0
            for batch in loader:
                if batch.augmented:  # nothing is kept of these
                    break
                with self._autocast():
                    frozen(batch.to(self.device))
                done += len(batch)
                self.report(Batches(what="training", done=done, total=loader.images))
        train.passes = passes

    def _checkpoint(self, at: Position, best: State) -> None:
        """Write best and last state, not more often than every few seconds; those of the end always."""
        started = time.monotonic()
        if self.checkpoints is None or (not at.is_over and started < self._next_checkpoint):
            return
        assert self.recipe is not None
        self.checkpoints.mkdir(parents=True, exist_ok=True)
        folder = Checkpoints(self.checkpoints)
        save_state(folder.best, best)
        save_progress(
            folder.last,
            at, key=self.key, model=self.modeler, best=best, recipe=self.recipe, scaler=self.scaler,
        )  # fmt: skip
        if self.checkpoint_every_s:
            took = time.monotonic() - started
            self._next_checkpoint = started + max(self.checkpoint_every_s, took / MOST_TIME_WRITING)
        if at.is_over:
            self.report(Artifact(kind="checkpoint", path=RunFolder(folder.path.parent).within(folder.best)))


def _event(measured: Figures, epoch: int, epochs: int, **rest: Any) -> Epoch:
    """What is told of an epoch: its losses, and the figures that this model has."""
    further = {name: value for name, value in measured.items() if name not in LOSSES and value is not None}
    losses = {name: measured.get(name) for name in LOSSES}
    return Epoch(epoch=epoch, epochs=epochs, figures=further, **losses, **rest)


def _dtype(precision: Precision, device: torch.device) -> torch.dtype:
    if precision == "float32" or (precision == "auto" and device.type != "cuda"):
        return torch.float32
    has_bfloat16 = device.type != "cuda" or torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if has_bfloat16 else torch.float16


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
