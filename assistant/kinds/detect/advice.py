"""What suits the circumstances: settings by the number of good images, and models by what there is and what is wanted.

Rules of thumb from practice with small sets of parts, not measurements of this machine; a person's own wish always goes before them.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from assistant.frames import Notice
from assistant.kinds import Advice
from assistant.kinds.weights import choose_backbone
from assistant.settings import Settings
from engine.contract.data import DataFacts
from engine.contract.jobs.detect import DetectJob
from engine.contract.models import MODELS, DetectorParams

FEW, SOME = 50, 200  # good images: below FEW a set is small, below SOME it is not large
SMALL_BATCH = 4


def complete(settings: Settings, *, facts: DataFacts, model: str, chosen: Mapping[str, Any]) -> dict[str, Advice]:
    """What a training of this model is completed with: what suits the data, and the paper's backbone or one whose weights are at hand."""
    if model not in MODELS:
        return {}
    usual = MODELS[model].default_backbone
    if usual is None or chosen.get("backbone"):
        return advise(model, good=facts.train_good)
    backbone = usual if chosen.get("weights") == "random" else choose_backbone(settings, usual)
    return {**advise(model, good=facts.train_good), "backbone": Advice(backbone, None)}


def advise(model: str, *, good: int) -> dict[str, Advice]:
    """Settings that should differ from the model's defaults with this many good images to learn from."""
    params = MODELS[model]
    wanted: dict[str, Any] = {}
    if "coreset_ratio" in params.model_fields and good < SOME:
        default = params.model_fields["coreset_ratio"].default
        wanted["coreset_ratio"] = max(0.2 if good < FEW else 0.1, default)
    if good < FEW and params.takes_augmentation:
        wanted["augmentation"] = "light"
    if good < FEW and params.learns_in_epochs:
        wanted["batch_size"] = min(SMALL_BATCH, params.default_batch_size)
    message = f"because there are {good} good images" if good != 1 else "because there is 1 good image"
    because = Notice(code="good_images", message=message, values={"count": good})
    return {name: Advice(value, because) for name, value in wanted.items() if value != _default(params, name)}


def recommended(models: Iterable[str] = MODELS) -> dict[str, Any]:
    """Models by circumstances, as facts: `otherwise` is the first choice."""
    listed = list(models)
    return {
        "few_images": {
            "fewer_good_images_than": FEW,
            "models": [name for name in listed if MODELS[name].good_with_few],
        },
        "real_time": {"models": [name for name in listed if MODELS[name].fast]},
        "no_weights": {
            "models": [name for name in listed if not MODELS[name].needs_weights and not MODELS[name].joins_runs]
        },
        "otherwise": {"models": [name for name in listed if MODELS[name].first_choice]},
    }


def best_for(*, good: int, weights_at_hand: bool) -> list[str]:
    """The models to begin with, given the good images of a data set and whether any pre-trained weights are on this machine."""
    by = recommended()
    if not weights_at_hand:
        return list(by["no_weights"]["models"])
    return list(by["few_images" if good < FEW else "otherwise"]["models"])


def _default(params: type[DetectorParams], name: str) -> Any:
    if name == "batch_size":
        return params.default_batch_size
    return (params.model_fields.get(name) or DetectJob.settings()[name]).default
