"""Names with digits in them that everybody here may say: of models, backbones and settings, and words of the trade."""

from typing import get_args

from assistant.frames import Which
from assistant.llm.grounding.facts import facts_in
from assistant.plans.estimates import BACKBONE_GMACS
from engine.contract.jobs import TrainSpec, description_of
from engine.contract.models import MODELS

_OF_THE_TRADE = "F1 2D 3D L1 L2 AUPRO@0.3 AUPRO@0.05 MVTec-AD DINOv2 uint8"


def _said_of_settings() -> list[str]:
    fields = [*TrainSpec.model_fields.items()]
    for params in MODELS.values():
        fields += params.model_fields.items()
    return [text for name, field in fields for text in (name, description_of(field))]


TERMS = frozenset(
    facts_in(
        [
            _OF_THE_TRADE,
            *get_args(Which),
            *BACKBONE_GMACS,
            *(text for model in MODELS.values() for text in (model.title, model.summary)),
            *_said_of_settings(),
        ]
    ).names
)
ROMAN_TERMS = frozenset(
    {"CI", "CV", "XL", "MI", "DI", "MIX", "CLI", "DVI"}
)  # abbreviations that would also be Roman numerals
