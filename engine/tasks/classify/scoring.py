"""A classifier with what its probabilities need: nothing else says which class a picture is of, and how sure that is.

N pictures, K classes.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from engine.contract.events import Batches
from engine.datasets.loading import Batch, Loader
from engine.report import Eta, Reporter, silent
from engine.tasks.classify.classifier import Classifier
from engine.tasks.classify.grad_cam import grad_cam
from engine.tasks.classify.temperature import probabilities

Numbers = NDArray[np.float64]


@dataclass
class ClassScorer:
    """The model, its classes in the order of its outputs, and the temperature of their probabilities."""

    model: Classifier
    classes: list[str]
    temperature: float

    def probabilities(
        self, loader: Loader, *, what: Literal["evaluating", "verifying"], report: Reporter = silent
    ) -> Numbers:
        """(N, K) of each picture, in the loader's order."""
        return probabilities(logits_of(self.model, loader, what=what, report=report), self.temperature)

    def saw(self, batch: Batch, called: NDArray[np.int64]) -> NDArray[np.float32]:
        """(B, H, W) in [0, 1]: where in each picture lies what speaks for the class that it was called."""
        device = self.model.mean.device
        seen = grad_cam(self.model.eval(), batch.images.to(device), torch.from_numpy(called).to(device))
        return seen.cpu().numpy()


@torch.no_grad()
def logits_of(
    model: Classifier,
    loader: Loader,
    *,
    what: Literal["calibrating", "evaluating", "verifying"],
    report: Reporter = silent,
) -> Numbers:
    """(N, K), before any temperature.

    Raises:
        FloatingPointError: one is not a finite number.
    """
    model.eval()
    found: list[Numbers] = []
    eta, done = Eta(loader.images), 0
    for batch in loader:
        found.append(model(batch.images.to(model.mean.device)).double().cpu().numpy())
        done += len(batch)
        report(Batches(what=what, done=done, total=loader.images, eta_s=eta(done)))
    logits = np.concatenate(found)
    if not np.isfinite(logits).all():
        raise FloatingPointError("the classifier gives figures that are not finite: take a lower learning_rate")
    return logits
