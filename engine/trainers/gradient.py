"""Trainer of models that learn by a loss and back-propagation."""

import torch

from engine.trainers.epochs import EpochTrainer


class GradientTrainer(EpochTrainer):
    """The loss is the model's own; what it is made of stands in the model's file."""

    layout = torch.channels_last  # convolutions learn up to a quarter quicker; flows do not (LOG.md)
