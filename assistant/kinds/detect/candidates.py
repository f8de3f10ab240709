"""What a recommendation by trial tries on a data set, and what all its trials share so that they are quick and can be compared."""

from collections.abc import Iterator
from itertools import zip_longest
from typing import Any

from assistant.kinds.detect.advice import FEW
from assistant.kinds.detect.judging import FEWEST_OWN
from engine.contract.data import DataFacts
from engine.contract.models import MODELS, DetectorParams

TRIAL_EPOCHS = 20  # of models that learn in epochs: enough to see whether one is worth its whole training
FEW_SHOT = 10  # good images


def candidates(facts: DataFacts, goal: str) -> list[dict[str, Any]]:
    """Overlays of a job, the most promising first: models that suit the number of good images and need no GPU, and after them memory models
    with one scale at half their image size too, where large faint defects show."""
    few = goal == "few_shot" or facts.train_good < FEW
    models = [params for params in MODELS.values() if not params.joins_runs and not params.needs_gpu]
    models = [params for params in models if not (few and params.learns_in_epochs)]
    ordered = sorted(models, key=lambda params: _promise(params, few=few))
    rounds = zip_longest(
        *(_overlays(params) for params in ordered)
    )  # each model has its turn before one has its second
    return [overlay for each in rounds for overlay in each if overlay is not None]


def on_a_cut(facts: DataFacts, goal: str, most_good: int | None) -> dict[str, Any]:
    """The settings that all trials share; `most_good` None is all good images."""
    own = facts.test_defective
    defects = "synthetic" if own == 0 else "own" if own >= FEWEST_OWN else "both"
    cut = {"most_good": FEW_SHOT if goal == "few_shot" else most_good}
    shared = {"test_defects": defects, "threshold_policy": "split_conformal"}
    return shared | {name: value for name, value in cut.items() if value is not None and value < facts.train_good}


def _promise(params: type[DetectorParams], *, few: bool) -> tuple[bool, ...]:
    """Sorts the likeliest to the front."""
    return (not (few and params.good_with_few), not params.first_choice, params.learns_in_epochs)


def _overlays(params: type[DetectorParams]) -> Iterator[dict[str, Any]]:
    model = params.model_fields["name"].default
    if params.learns_in_epochs:
        yield {"model": model, "epochs": min(TRIAL_EPOCHS, params.default_epochs)}
        return
    yield {"model": model}
    half = params.default_image_size // 64 * 32
    if half >= 64 and "scales" not in params.model_fields:
        yield {"model": model, "image_size": half}
