"""A classifier as it judges: which class a picture is of, how sure that is, and what in the picture speaks for it.

All that classes pictures goes through a ClassScorer: the calibration, the evaluation, the verification and the trial of a finished
model. One without a temperature only gives logits, as a model that is not calibrated yet.

N pictures, B of a batch, K classes.
"""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from engine.contract.events import Batches
from engine.contract.folder import ModelFolder
from engine.contract.results.classify import ClassifyCard
from engine.datasets.loading import Batch, Loader
from engine.report import Eta, Reporter, silent
from engine.tasks.classify.classifier import Classifier
from engine.tasks.classify.grad_cam import Seen, grad_cam
from engine.tasks.classify.saved_classifiers import load_classifier
from engine.tasks.classify.temperature import probabilities

Numbers = NDArray[np.float64]
What = Literal["calibrating", "evaluating", "verifying"]


@dataclass(frozen=True)
class ClassScorer:
    """`classes` are in the order of the model's outputs; `temperature` divides its logits."""

    model: Classifier
    classes: list[str]
    temperature: float | None = None

    @classmethod
    def load(cls, folder: ModelFolder, *, device: torch.device | str = "cpu") -> tuple["ClassScorer", ClassifyCard]:
        """A saved classifier as it judges, and its card.

        Raises:
            ValueError: the folder is damaged, or its state belongs to another model.
        """
        model, card = load_classifier(folder)
        return cls(model.to(device), card.classes, card.temperature), card

    def calibrated(self, temperature: float) -> "ClassScorer":
        """The same model with the temperature that makes its probabilities mean what they say."""
        return replace(self, temperature=temperature)

    @torch.no_grad()
    def logits(self, loader: Loader, *, what: What, report: Reporter = silent) -> Numbers:
        """(N, K), before any temperature, in the loader's order.

        Raises:
            FloatingPointError: one is not a finite number.
        """
        self.model.eval()
        found: list[Numbers] = []
        eta, done = Eta(loader.images), 0
        for batch in loader:
            found.append(self._logits_of(batch))
            done += len(batch)
            report(Batches(what=what, done=done, total=loader.images, eta_s=eta(done)))
        logits = np.concatenate(found)
        if not np.isfinite(logits).all():
            raise FloatingPointError("the classifier gives figures that are not finite: take a lower learning_rate")
        return logits

    def probabilities(self, loader: Loader, *, what: What, report: Reporter = silent) -> Numbers:
        """(N, K) of each picture, in the loader's order."""
        assert self.temperature is not None, "a scorer without a temperature cannot say how sure it is"
        return probabilities(self.logits(loader, what=what, report=report), self.temperature)

    @torch.no_grad()
    def said_of(self, batch: Batch) -> Numbers:
        """(B, K) probabilities of the pictures of one batch; what is not finite stays so."""
        assert self.temperature is not None, "a scorer without a temperature cannot say how sure it is"
        self.model.eval()
        return probabilities(self._logits_of(batch), self.temperature)

    def _logits_of(self, batch: Batch) -> Numbers:
        logits: Numbers = self.model(batch.images.to(self.device)).double().cpu().numpy()
        return logits

    def called(self, said: Numbers) -> NDArray[np.int64]:
        """The position in `classes` of what each picture is called, (N,), by the probabilities (N, K)."""
        return np.asarray(said.argmax(axis=1))

    def saw(self, batch: Batch, called: NDArray[np.int64]) -> Seen:
        """Where in each picture lies what speaks for the class that it was called."""
        return grad_cam(self.model.eval(), batch.images.to(self.device), torch.from_numpy(called).to(self.device))

    @property
    def device(self) -> torch.device:
        return self.model.mean.device
