"""What a recommendation by trial tries on classes of pictures."""

from typing import Any

from engine.contract.classifiers import CLASSIFIERS
from engine.contract.data import DataFacts

TRIAL_EPOCHS = 8


def candidates(facts: DataFacts, goal: str) -> list[dict[str, Any]]:
    """Every family that needs no GPU, the first choice first."""
    models = [params for params in CLASSIFIERS.values() if not params.needs_gpu]
    ordered = sorted(models, key=lambda params: not params.first_choice)
    return [{"model": params.model_fields["name"].default} for params in ordered]


def on_a_cut(facts: DataFacts, goal: str, most_good: int | None) -> dict[str, Any]:
    """The settings that all trials share. There is no cut: classes are small, and every picture of one counts."""
    return {"epochs": TRIAL_EPOCHS}
