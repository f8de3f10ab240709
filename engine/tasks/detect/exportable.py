"""A detector as a file for other runtimes holds it: pixels in, score, map, verdict and mask out, at the thresholds in force."""

from pathlib import Path

import numpy as np
import torch

from engine.contract.folder import RunFolder
from engine.contract.jobs.detect import DetectJob
from engine.contract.results.detect import DetectCard, DetectResults, JudgedBy
from engine.datasets.loading import Batch
from engine.failures import SettingError
from engine.models import AnomalyModel
from engine.scorer import Scorer
from engine.tasks.exportable import Exportable, FromPixels, Pixels, Said, images_of, not_above

OUTPUTS = {
    "score": "float32 (batch,): the higher, the more anomalous; raw, no range",
    "anomaly_map": "float32 (batch, 1, height, width): raw score of each pixel",
    "is_defective": "bool (batch,): score above the threshold",
    "pixel_mask": "bool (batch, 1, height, width): pixels above the pixel threshold",
}


class DetectorFromPixels(FromPixels):
    """Comparing with the largest float32 that is not above a threshold is comparing with the threshold itself."""

    def __init__(self, model: AnomalyModel, threshold: float, pixel_threshold: float):
        super().__init__()
        self.model = model
        self.threshold, self.pixel_threshold = not_above(threshold), not_above(pixel_threshold)

    def forward(self, pixels: torch.Tensor) -> dict[str, torch.Tensor]:
        found = self.model.predict(_batch(self.images(pixels)), self.threshold, self.pixel_threshold)
        assert found.label is not None and found.binary_mask is not None
        said = (found.pred_score, found.anomaly_map, found.label.bool(), found.binary_mask)
        return dict(zip(OUTPUTS, said, strict=True))


def exportable(
    folder: RunFolder, *, weights_folder: Path | None, hub: bool = True, judged_by: JudgedBy | None = None
) -> Exportable:
    """The detector of a run, at the threshold in force; None is that of the training.

    Raises:
        SettingError: the model cannot be loaded here: files or weights are gone, or damaged.
    """
    try:
        scorer, card = Scorer.load(folder.model, weights_folder=weights_folder, hub=hub)
    except (ValueError, LookupError, OSError) as error:
        raise SettingError(str(error)) from error
    threshold = card.thresholds.image.value if judged_by is None else judged_by.threshold
    pixel_threshold = card.thresholds.pixel.value if judged_by is None else judged_by.pixel_threshold

    def says(pixels: Pixels) -> Said:
        score, maps = scorer.score(_batch(images_of(pixels)))
        verdicts = np.asarray(np.float64(score) > threshold), np.asarray(np.float64(maps[:, None]) > pixel_threshold)
        return dict(zip(OUTPUTS, (score, maps[:, None], *verdicts), strict=True))

    return Exportable(
        network=DetectorFromPixels(scorer.model, threshold, pixel_threshold).eval(),
        says=says,
        prepare=scorer.model.prepare_export,
        outputs=OUTPUTS,
        measured=("score", "anomaly_map"),
        verdict="is_defective",
        margin=lambda said: np.abs(np.float64(said["score"]) - threshold),
        image_size=DetectJob.model_validate(card.spec).image_size,
        facts={
            **_facts(card),
            "threshold": threshold,
            "pixel_threshold": pixel_threshold,
            "threshold_version": 1 if judged_by is None else judged_by.version,
        },
        names=_nearest_first(folder, threshold),
        mask="pixel_mask",
    )


def _facts(card: DetectCard) -> dict[str, object]:
    return {
        "classes": ["good", "defective"],
        "data": card.data.facts(),
        "weights": card.weights.facts(),
        "synthetic": card.synthetic,
    }


def _nearest_first(folder: RunFolder, threshold: float) -> tuple[str, ...]:
    """Test images by how near their score is to the threshold; none where nothing was measured."""
    try:
        rows = folder.evaluation.read(DetectResults).rows
    except FileNotFoundError:
        return ()
    return tuple(row.name for row in sorted(rows, key=lambda row: abs(row.score - threshold)))


def _batch(images: torch.Tensor) -> Batch:
    count = images.shape[0]
    return Batch(images, torch.zeros(count, dtype=torch.long), None, [])
