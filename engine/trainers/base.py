"""What the trainers share: scoring, writing predictions, measuring, saving and loading."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from engine.checkpoints import load_state, save_state
from engine.datasets.loading import Batch, Loader
from engine.events import Batches
from engine.models import AnomalyModel, Prediction
from engine.report import Eta, Reporter, silent


class BaseTrainer:
    """Trains one model, the `modeler`, on one device, and tells `report` about it.

    A family's trainer adds `train`, `validate` and `fit`.
    """

    def __init__(self, modeler: AnomalyModel, *, device: str | torch.device = "cpu", report: Reporter = silent):
        self.device = torch.device(device)
        self.modeler = modeler.to(self.device).eval()
        self.report = report

    def train(self, train_loader: Loader) -> dict[str, float | None]:
        """One pass over the training images: mean `loss`, `psnr`, `ssim`; None where a model has none."""
        raise NotImplementedError

    def validate(self, valid_loader: Loader) -> dict[str, float | None]:
        """One pass over held-out good images: `val_loss`, `val_psnr`, `val_ssim`."""
        raise NotImplementedError

    def fit(
        self, train_loader: Loader, num_epochs: int = 1, valid_loader: Loader | None = None
    ) -> dict[str, list[dict[str, float | None]]]:
        """The whole training; the history is `{"train": [...], "val": [...]}`, one entry per epoch."""
        raise NotImplementedError
