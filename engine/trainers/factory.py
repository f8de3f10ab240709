"""`get_trainer` picks the trainer that fits a model's family."""

from importlib import import_module
from typing import Any, get_args

from engine.contract.models import MODELS, Family
from engine.models import AnomalyModel
from engine.trainers.base import BaseTrainer


def get_trainer(model_type: str, modeler: AnomalyModel, **kwargs: Any) -> BaseTrainer:
    """The trainer of a family ("memory", "gradient", "flow", "ensemble") or of a model ("padim"); kwargs go to its constructor.

    Raises:
        LookupError: neither a family nor a model.
    """
    families = get_args(Family)
    family = MODELS[model_type].family if model_type in MODELS else model_type
    if family not in families:
        raise LookupError(f"unknown model type {model_type!r} (have: {', '.join((*families, *MODELS))})")
    module = import_module(f"engine.trainers.{family}")
    trainer: BaseTrainer = getattr(module, f"{family.capitalize()}Trainer")(modeler, **kwargs)
    return trainer
