"""A classifier as a file for other runtimes holds it: pixels in, the probability of each class and the class itself out."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from engine.contract.folder import RunFolder
from engine.contract.jobs.classify import ClassifyJob
from engine.contract.results.classify import ClassifyResults
from engine.datasets.loading import Batch
from engine.failures import SettingError
from engine.tasks.classify.classifier import Classifier
from engine.tasks.classify.scoring import ClassScorer
from engine.tasks.exportable import Exportable, FromPixels, Pixels, Said, images_of

OUTPUTS = {
    "probabilities": "float32 (batch, classes): of each class, in their order",
    "class_index": "int64 (batch,): the most probable class, by its place in that order",
}


class ClassifierFromPixels(FromPixels):
    """With the temperature that makes its probabilities mean what they say."""

    def __init__(self, classifier: Classifier, temperature: float):
        super().__init__()
        self.classifier, self.temperature = classifier, temperature

    def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        probabilities = self.classifier.probabilities(self.images(pixels), temperature=self.temperature)
        return dict(zip(OUTPUTS, (probabilities, probabilities.argmax(dim=1)), strict=True))


def exportable(folder: RunFolder, *, weights_folder: Path | None, hub: bool = True) -> Exportable:
    """The classifier of a run. All weights lie in it: none are looked for.

    Raises:
        SettingError: the model cannot be loaded here: files are gone, or damaged.
    """
    try:
        scorer, card = ClassScorer.load(folder.model)
    except (ValueError, LookupError, OSError) as error:
        raise SettingError(str(error)) from error
    assert scorer.temperature is not None

    def says(pixels: Pixels) -> Said:
        said = scorer.said_of(Batch(images_of(pixels), torch.zeros(len(pixels), dtype=torch.long), None, []))
        return dict(zip(OUTPUTS, (said, scorer.called(said)), strict=True))

    return Exportable(
        network=ClassifierFromPixels(scorer.model, scorer.temperature).eval(),
        says=says,
        prepare=lambda: None,
        outputs=OUTPUTS,
        measured=("probabilities",),
        verdict="class_index",
        margin=lambda said: _lead(said["probabilities"]),
        image_size=ClassifyJob.model_validate(card.spec).image_size,
        facts={
            "classes": card.classes,
            "data": card.data.facts(),
            "weights": card.weights.facts(),
            "synthetic": card.synthetic,
        },
        names=_least_sure_first(folder),
    )


def _lead(probabilities: NDArray[np.floating]) -> NDArray[np.floating]:
    """(B,): how far the most probable class is ahead of the next."""
    ordered = np.sort(probabilities, axis=1)
    lead: NDArray[np.floating] = ordered[:, -1] - (ordered[:, -2] if ordered.shape[1] > 1 else 0)
    return lead


def _least_sure_first(folder: RunFolder) -> tuple[str, ...]:
    try:
        rows = folder.evaluation.read(ClassifyResults).rows
    except FileNotFoundError:
        return ()
    return tuple(row.name for row in sorted(rows, key=lambda row: row.probability))
