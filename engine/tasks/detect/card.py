"""What a saved detector says of itself: its job, its data, its thresholds and the scores behind them, where weights come from."""

import time
from importlib.metadata import version
from typing import Any

from engine.contract.jobs.detect import DetectJob
from engine.evaluation.calibration import Calibration
from engine.models import AnomalyModel
from engine.tasks.reading import Read


def model_card(job: DetectJob, read: Read, calibration: Calibration, weights: dict[str, Any]) -> dict[str, Any]:
    return {
        "spec": job.model_dump(),
        "data": {
            "name": job.dataset,
            "layout": read.dataset.layout,
            "title": read.dataset.title,
            "pictures": len(read.dataset.items),
            "fingerprint": read.fingerprint,
            "licence": read.dataset.licence,
        },
        "thresholds": {"image": calibration.image.facts(), "pixel": calibration.pixel.facts()},
        "calibration": {"scores": calibration.scores},
        "weights": weights,
        "synthetic": read.dataset.synthetic,
        "versions": {name: version(name) for name in ("torch", "timm", "torchvision", "numpy")},
        "created": time.time(),
    }


def weights_of(model: AnomalyModel) -> dict[str, Any]:
    """Where the backbone's weights come from, and for an adapted one what it was adapted on, oldest first."""
    backbone = model.backbone
    if backbone is None:
        return {"backbone": None, "source": None, "tag": None, "licence": None, "lineage": []}
    return {
        "backbone": backbone.name,
        "source": backbone.source,
        "tag": backbone.tag,
        "licence": backbone.licence,
        "lineage": [
            {name: value for name, value in step.items() if name != "learnt"} for step in backbone.weights.lineage
        ],
    }
