"""Trainer of normalising flows by maximum likelihood."""

from engine.trainers.epochs import EpochTrainer


class FlowTrainer(EpochTrainer):
    """The loss is the negative log-likelihood in nats, up to a constant: it may be negative, as that of any density."""
