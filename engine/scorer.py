"""A model that judges pictures: what it says, at which thresholds, how rare that is among good ones, and why.

All that scores goes through a Scorer: calibration, evaluation, the trial of a finished model, the trainers' `predict`, `test`
and `evaluate`. One without thresholds only scores, as a model that is not calibrated yet.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray

from engine.contract.events import Batches, Warned
from engine.contract.folder import ModelFolder
from engine.contract.results.detect import DetectCard
from engine.contract.thresholds import p_values
from engine.datasets.loading import Batch, Loader
from engine.evaluation.calibration import Calibration
from engine.evaluation.explanations import Explained, explain_batch
from engine.evaluation.inspection import Inspection, scratch_for
from engine.models import AnomalyModel
from engine.report import Eta, Reporter, silent
from engine.saved_models import load_model

What = Literal["calibrating", "evaluating", "verifying"]


@dataclass(frozen=True)
class Scorer:
    """A picture whose score lies above `threshold` is anomalous, a pixel of its map above `pixel_threshold`.

    held_out: scores of good pictures that set the thresholds and that p-values compare with.
    """

    model: AnomalyModel
    threshold: float | None = None
    pixel_threshold: float | None = None
    held_out: Sequence[float] = ()

    @classmethod
    def load(
        cls,
        folder: ModelFolder,
        *,
        device: torch.device | str = "cpu",
        weights_folder: Path | None,
        hub: bool = True,
        warn: Callable[[Warned], None] = lambda event: None,
    ) -> tuple["Scorer", DetectCard]:
        """A saved model as it judges, and its card.

        Raises:
            ValueError, LookupError: the folder is damaged, or the weights it needs are not to be had.
        """
        model, card = load_model(folder, weights_folder=weights_folder, hub=hub, warn=warn)
        scorer = cls(
            model.to(device),
            threshold=card.thresholds.image.value,
            pixel_threshold=card.thresholds.pixel.value,
            held_out=card.calibration.scores,
        )
        return scorer, card

    def calibrated(self, by: Calibration) -> "Scorer":
        """The same model with thresholds."""
        return replace(self, threshold=by.image.value, pixel_threshold=by.pixel.value, held_out=by.scores)

    def score(self, batch: Batch) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Raw scores (B,) and maps (B, H, W), on the CPU. A picture's score never depends on its batch mates."""
        with torch.inference_mode():
            prediction = self.model.predict_step(batch.to(self.device))
        return prediction.pred_score.float().cpu().numpy(), prediction.anomaly_map.squeeze(1).float().cpu().numpy()

    def inspect(
        self, loader: Loader, *, what: What, keep_maps_in: Path | None = None, report: Reporter = silent
    ) -> Inspection:
        """Score every picture of the loader. Maps are kept in a nameless file of the folder `keep_maps_in`: it goes with them.

        Raises:
            ValueError: the loader has no pictures.
            FloatingPointError: a score is not a finite number.
        """
        if loader.images == 0:
            raise ValueError(f"there are no pictures for {what}")
        self.model.eval()
        maps = None if keep_maps_in is None else scratch_for(loader, keep_maps_in)
        scores: list[np.ndarray] = []
        labels: list[np.ndarray] = []
        names: list[str] = []
        lows: list[np.ndarray] = []
        highs: list[np.ndarray] = []
        took: list[tuple[int, float]] = []
        eta, done = Eta(loader.images), 0
        for batch in loader:
            began = time.perf_counter()
            score, score_map = self.score(batch)
            took.append((len(batch), time.perf_counter() - began))
            if maps is not None:
                maps[done : done + len(batch)] = score_map
            scores.append(score)
            labels.append(batch.labels.numpy())
            lows.append(score_map.min(axis=(1, 2)))
            highs.append(score_map.max(axis=(1, 2)))
            names += batch.names
            done += len(batch)
            report(Batches(what=what, done=done, total=loader.images, eta_s=eta(done)))
        found = Inspection(
            scores=np.concatenate(scores),
            labels=np.concatenate(labels),
            names=names,
            map_lows=np.concatenate(lows),
            map_highs=np.concatenate(highs),
            maps=maps,
            took=took,
        )
        if not (np.isfinite(found.scores).all() and np.isfinite(found.map_highs).all()):
            raise FloatingPointError(
                "the model gives scores that are not finite numbers: it has diverged; lower its learning_rate where it has "
                "one, raise its regularisation where it has that"
            )
        return found

    def is_anomalous(self, scores: NDArray[np.floating]) -> NDArray[np.bool_]:
        """The verdict on each score, (N,); no digit of the threshold is lost to the scores' float32."""
        return np.asarray(np.asarray(scores, dtype=np.float64) > self._limits()[0])

    def p_values(self, scores: NDArray[np.floating]) -> NDArray[np.float64] | None:
        """How often a good picture scores as high, (N,); None where no good pictures were held out to tell."""
        return p_values(scores, self.held_out) if len(self.held_out) else None

    def explain(
        self, batch: Batch, maps: NDArray[np.float32], *, looked_at: NDArray[np.bool_] | None = None
    ) -> list[Explained]:
        """What each map (B, H, W) shows: regions above the pixel threshold and its highest place, with the good patches most like them.

        Args:
            looked_at: (B,) pictures whose highest place is compared with good patches though no region is above the threshold; None is none.
        """
        return explain_batch(self.model, batch, maps, pixel_threshold=self._limits()[1], looked_at=looked_at)

    @property
    def device(self) -> torch.device:
        device: torch.device = next(iter(self.model.state_dict().values())).device
        return device

    def _limits(self) -> tuple[float, float]:
        assert self.threshold is not None and self.pixel_threshold is not None, (
            "a scorer without thresholds cannot judge"
        )
        return self.threshold, self.pixel_threshold
