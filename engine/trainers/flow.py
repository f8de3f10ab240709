"""Trainer of normalising flows by maximum likelihood: FastFlow. The loss is the negative log-likelihood, up to a constant."""

from typing import Any

import torch

from engine.models import AnomalyModel
from engine.trainers.epochs import EpochTrainer


class FlowTrainer(EpochTrainer):
    """Adam. The loss is in nats per image and may be negative: it is a density. `settings` are those of the EpochTrainer."""

    def __init__(self, modeler: AnomalyModel, *, learning_rate: float, weight_decay: float = 0.0, **settings: Any):
        parameters = list(modeler.parameters_to_train())
        super().__init__(modeler, torch.optim.Adam(parameters, lr=learning_rate, weight_decay=weight_decay), **settings)
