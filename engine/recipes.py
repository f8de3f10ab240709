"""How a model learns: its optimiser, how the learning rate falls, whether gradients are clipped. Each model states its own."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch.optim.lr_scheduler import CosineAnnealingLR, LRScheduler, ReduceLROnPlateau

from engine.contract.models.fields import Schedule

Falling = LRScheduler | ReduceLROnPlateau


@dataclass
class Recipe:
    """What an EpochTrainer trains with. A schedule is stepped after every epoch, or after every optimiser step."""

    optimiser: torch.optim.Optimizer
    schedule: Falling | None = None
    every: Literal["epoch", "step"] = "epoch"
    clip_norm: float | None = None


def falling(optimiser: torch.optim.Optimizer, schedule: Schedule, *, epochs: int, patience: int) -> Falling | None:
    """The learning-rate schedule that a `schedule` setting names."""
    if schedule == "cosine":
        return CosineAnnealingLR(optimiser, T_max=epochs)
    if schedule == "plateau":  # falls twice before a patience of 7 or more runs out
        return ReduceLROnPlateau(optimiser, factor=0.1, patience=max(patience // 3, 2))
    return None
