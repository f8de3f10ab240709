"""Trainer of models that learn by a loss and back-propagation."""

from engine.trainers.epochs import EpochTrainer


class GradientTrainer(EpochTrainer):
    """The loss is the model's own; what it is made of stands in the model's file."""
