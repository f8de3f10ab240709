"""Trainer of normalising flows by maximum likelihood: FastFlow. The loss is the negative log-likelihood, up to a constant."""

from pathlib import Path

import torch

from engine.datasets.loading import Loader
from engine.models import AnomalyModel
from engine.report import Reporter, silent
from engine.trainers.base import BaseTrainer
from engine.trainers.epochs import EpochLoop, Figures


class FlowTrainer(BaseTrainer):
    """Adam at a fixed learning rate. The loss is in nats per image and may be negative: it is a density."""

    def __init__(
        self,
        modeler: AnomalyModel,
        *,
        learning_rate: float,
        weight_decay: float = 0.0,
        patience: int = 0,
        checkpoints: Path | None = None,
        device: str | torch.device = "cpu",
        report: Reporter = silent,
    ):
        super().__init__(modeler, device=device, report=report)
        parameters = list(self.modeler.parameters_to_train())
        optimiser = torch.optim.Adam(parameters, lr=learning_rate, weight_decay=weight_decay)
        self.loop = EpochLoop(
            self.modeler, optimiser, report=report, device=self.device, patience=patience, checkpoints=checkpoints
        )

    def train(self, train_loader: Loader) -> Figures:
        return self.loop.train(train_loader)

    def validate(self, valid_loader: Loader) -> Figures:
        return self.loop.validate(valid_loader)

    def fit(
        self, train_loader: Loader, num_epochs: int = 1, valid_loader: Loader | None = None
    ) -> dict[str, list[Figures]]:
        return self.loop.fit(train_loader, num_epochs, valid_loader)
