"""What a saved detector says of itself: its job, its data, its thresholds and the scores behind them, where weights come from."""

import time
from collections.abc import Iterable

from engine.contract.jobs.detect import DetectJob
from engine.contract.results import WeightsUsed
from engine.contract.results.detect import DetectCard, HeldOut, Thresholds
from engine.evaluation.calibration import Calibration
from engine.models import AnomalyModel
from engine.tasks.origin import learnt_from, versions
from engine.tasks.reading import Read


def card_of(
    job: DetectJob, read: Read, calibration: Calibration, model: AnomalyModel, *, learnt: Iterable[str] | None
) -> DetectCard:
    """The card of a run's model, but for what the model knows of itself.

    Args:
        learnt: names by their contents the pictures that it learnt from; None where no other training can build on it.
    """
    data = learnt_from(job, read)
    if model.before is not None:
        before = model.before.data
        earlier = before.model_copy(update={"learnt": None, "before": None})
        data = data.model_copy(update={"before": [*(before.before or []), earlier]})
    return DetectCard(
        spec=job.model_dump(),
        data=data if learnt is None else data.model_copy(update={"learnt": sorted(set(learnt))}),
        thresholds=Thresholds(image=calibration.image, pixel=calibration.pixel),
        calibration=HeldOut(scores=calibration.scores, map_highs=calibration.map_highs, folds=calibration.folds),
        weights=weights_of(model),
        synthetic=read.dataset.synthetic or (model.before is not None and model.before.synthetic),
        versions=versions(),
        created=time.time(),
    )


def weights_of(model: AnomalyModel) -> WeightsUsed:
    """Where the backbone's weights come from, and for an adapted one what it was adapted on, oldest first."""
    backbone = model.backbone
    if backbone is None:
        return WeightsUsed(backbone=None, source=None, tag=None, licence=None, lineage=[])
    return WeightsUsed(
        backbone=backbone.name,
        source=backbone.source,
        tag=backbone.tag,
        licence=backbone.licence,
        lineage=[
            {name: value for name, value in step.items() if name != "learnt"} for step in backbone.weights.lineage
        ],
    )
