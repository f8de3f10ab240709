"""A classifier at work: which class each picture is of, how sure that is, and what in the picture speaks for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from engine.contract.folder import RunFolder
from engine.contract.jobs.classify import ClassifyJob
from engine.contract.serving import Asked, Ready
from engine.datasets.loading import Batch
from engine.tasks.classify.evaluation import seen_in
from engine.tasks.classify.scoring import ClassScorer
from engine.tasks.place import any_device
from engine.tasks.served import NOT_FINITE, QUALITY, Draw, Judged, entropy


@dataclass(frozen=True)
class ServedClassifier:
    """What is drawn is where in the picture lies what speaks for its class; there is no raw map."""

    scorer: ClassScorer
    ready: Ready

    def judge(self, batch: Batch, asked: Sequence[Asked]) -> list[Judged]:
        said = self.scorer.said_of(batch)  # (B, K)
        called = self.scorer.called(said)
        is_drawn = any(each.draw is not None for each in asked)
        seen = self.scorer.saw(batch, called).maps.cpu().numpy() if is_drawn else None
        told = []
        for row, shares in enumerate(said):
            if not np.isfinite(shares).all():
                told.append(NOT_FINITE)
                continue
            facts = {
                "verdict": self.scorer.classes[int(called[row])],
                "confidence": float(shares.max()),
                "uncertainty": entropy(shares.tolist()),
                "probabilities": dict(zip(self.scorer.classes, shares.tolist(), strict=True)),
            }
            told.append(Judged(facts, _drawing(batch.pixels(row), None if seen is None else seen[row])))
        return told


def open_served(folder: RunFolder, *, weights_folder: Path | None, hub: bool) -> ServedClassifier:
    """The classifier of a finished run; all its weights lie in the run.

    Raises:
        ValueError: it is damaged.
    """
    scorer, card = ClassScorer.load(folder.model)
    job = ClassifyJob.model_validate(card.spec)
    scorer.model.to(any_device(job.device)).eval()
    ready = Ready(
        model=job.model.name,
        image_size=job.image_size,
        device=str(scorer.device),
        batch_size=job.batch_size,
        data=card.data.fingerprint,
    )
    return ServedClassifier(scorer, ready)


def _drawing(pixels: NDArray[np.uint8], seen: NDArray[np.float32] | None) -> Draw:
    def draw(stem: str, which: Sequence[str]) -> list[str]:
        drawn = []
        if "heatmap.jpg" in which and seen is not None:
            Image.fromarray(seen_in(pixels, seen)).save(f"{stem}heatmap.jpg", quality=QUALITY, subsampling=0)
            drawn.append("heatmap.jpg")
        if "picture.jpg" in which:
            Image.fromarray(pixels).save(f"{stem}picture.jpg", quality=QUALITY)
            drawn.append("picture.jpg")
        return drawn

    return draw
