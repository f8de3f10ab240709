"""Trainer of models that learn by a loss and back-propagation: autoencoder, STFPM."""

from typing import Any

import torch

from engine.models import AnomalyModel
from engine.trainers.epochs import EpochTrainer


class GradientTrainer(EpochTrainer):
    """Adam, or SGD where a momentum is given; `settings` are those of the EpochTrainer."""

    def __init__(
        self,
        modeler: AnomalyModel,
        *,
        learning_rate: float,
        weight_decay: float = 0.0,
        momentum: float | None = None,
        **settings: Any,
    ):
        parameters = list(modeler.parameters_to_train())
        optimiser: torch.optim.Optimizer
        if momentum is None:
            optimiser = torch.optim.Adam(parameters, lr=learning_rate, weight_decay=weight_decay)
        else:
            optimiser = torch.optim.SGD(parameters, lr=learning_rate, momentum=momentum, weight_decay=weight_decay)
        super().__init__(modeler, optimiser, **settings)
