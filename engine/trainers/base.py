"""What the trainers share: scoring, writing predictions, measuring, saving and loading."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from engine.checkpoints import load_state, save_state
from engine.datasets.loading import Loader
from engine.evaluation.inspection import count_pixels, with_positions
from engine.evaluation.measurement import measure
from engine.evaluation.pixel_counts import PixelTally
from engine.models import AnomalyModel
from engine.predictions import write_predictions
from engine.report import Reporter, silent
from engine.scorer import Scorer

Figures = dict[str, float | None]


class BaseTrainer:
    """Trains one model, the `modeler`, on one device, and tells `report` about it.

    A family's trainer adds `train`, `validate` and `fit`.
    """

    def __init__(self, modeler: AnomalyModel, *, device: str | torch.device = "cpu", report: Reporter = silent):
        self.device = torch.device(device)
        self.modeler = modeler.to(self.device).eval()
        self.report = report
        # scores and highest map scores (n,) of held-out good images, where the training itself gives them
        self.held_out: tuple[np.ndarray, np.ndarray] | None = None

    def train(self, train_loader: Loader) -> Figures:
        """One pass over the training images: mean `loss`, `psnr` (dB), `ssim`; None where a model has none."""
        raise NotImplementedError

    def validate(self, valid_loader: Loader) -> Figures:
        """One pass over held-out good images: `val_loss`, `val_psnr`, `val_ssim`."""
        raise NotImplementedError

    def fit(
        self, train_loader: Loader, num_epochs: int = 1, valid_loader: Loader | None = None
    ) -> dict[str, list[Figures]]:
        """The whole training; the history is `{"train": [...], "val": [...]}`, one entry per epoch."""
        raise NotImplementedError

    def predict(self, test_loader: Loader) -> tuple[torch.Tensor, torch.Tensor]:
        """Raw scores (N,) and labels (N,): 0 good, 1 defective, -1 unknown."""
        found = Scorer(self.modeler).inspect(test_loader, what="evaluating", report=self.report)
        return torch.from_numpy(found.scores), torch.from_numpy(found.labels)

    def test(
        self,
        test_loader: Loader,
        output_dir: Path,
        ckpt_path: Path | None = None,
        *,
        threshold: float,
        pixel_threshold: float | None = None,
        held_out: Sequence[float] = (),
    ) -> dict[str, Any]:
        """Write what the model says of each image; see engine/predictions.py.

        An image is anomalous above `threshold`, a pixel above `pixel_threshold`, or `threshold` without one. `held_out` scores
        of good images give each image its p-value.
        """
        if ckpt_path is not None:
            self.load(ckpt_path)
        limit = threshold if pixel_threshold is None else pixel_threshold
        scorer = Scorer(self.modeler, threshold=threshold, pixel_threshold=limit, held_out=held_out)
        return write_predictions(scorer, test_loader, output_dir, report=self.report)

    def evaluate(
        self,
        test_loader: Loader,
        ckpt_path: Path | None = None,
        *,
        pixel_level: bool = True,
        image_level: bool = True,
        threshold: float | None = None,
    ) -> Figures:
        """Measure without keeping files: `image_auroc`, `image_aupr`, `pixel_auroc`, `pixel_aupr`, and more.

        With a threshold also what the verdicts are worth (`recall`, `overkill`, ...). None: it cannot be measured.
        """
        if ckpt_path is not None:
            self.load(ckpt_path)
        with tempfile.TemporaryDirectory() as scratch:
            maps = Path(scratch) if pixel_level else None
            found = Scorer(self.modeler).inspect(test_loader, what="evaluating", keep_maps_in=maps, report=self.report)
            pixels = None
            if pixel_level:
                assert found.maps is not None
                pixels = PixelTally.for_maps(found.maps, found.map_lows, found.map_highs)
                for start, batch in with_positions(test_loader):
                    count_pixels(pixels, found, start, batch)
            found.maps = None
        return measure(found, test_loader, pixels=pixels, threshold=threshold, images=image_level).metrics

    def save(self, path: Path) -> None:
        """The model's state, without a frozen backbone."""
        save_state(path, self.modeler.state_to_save(), facts={"model": type(self.modeler).__name__})

    def load(self, path: Path) -> None:
        """Take over a saved state.

        Raises:
            ValueError: the file is damaged or of another model.
        """
        state, _ = load_state(path)
        self.modeler.load_saved(state)
