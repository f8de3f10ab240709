"""Trainer of models that learn by a loss and back-propagation: autoencoder, STFPM."""

from pathlib import Path

import torch

from engine.datasets.loading import Loader
from engine.models import AnomalyModel
from engine.report import Reporter, silent
from engine.trainers.base import BaseTrainer
from engine.trainers.epochs import EpochLoop, Figures, Schedule


class GradientTrainer(BaseTrainer):
    """Adam, or SGD where a momentum is given; reports loss, PSNR and SSIM of training and validation images."""

    def __init__(
        self,
        modeler: AnomalyModel,
        *,
        learning_rate: float,
        weight_decay: float = 0.0,
        momentum: float | None = None,
        schedule: Schedule = "none",
        patience: int = 0,
        checkpoints: Path | None = None,
        device: str | torch.device = "cpu",
        report: Reporter = silent,
    ):
        super().__init__(modeler, device=device, report=report)
        parameters = list(self.modeler.parameters_to_train())
        optimiser: torch.optim.Optimizer
        if momentum is None:
            optimiser = torch.optim.Adam(parameters, lr=learning_rate, weight_decay=weight_decay)
        else:
            optimiser = torch.optim.SGD(parameters, lr=learning_rate, momentum=momentum, weight_decay=weight_decay)
        self.loop = EpochLoop(
            self.modeler,
            optimiser,
            report=report,
            device=self.device,
            schedule=schedule,
            patience=patience,
            checkpoints=checkpoints,
        )

    def train(self, train_loader: Loader) -> Figures:
        return self.loop.train(train_loader)

    def validate(self, valid_loader: Loader) -> Figures:
        return self.loop.validate(valid_loader)

    def fit(
        self, train_loader: Loader, num_epochs: int = 1, valid_loader: Loader | None = None
    ) -> dict[str, list[Figures]]:
        return self.loop.fit(train_loader, num_epochs, valid_loader)
