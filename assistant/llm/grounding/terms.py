"""Names with digits in them that everybody here may say: of models, backbones and settings, and words of the trade."""

from assistant.kinds import kind_names, kind_of
from assistant.llm.grounding.facts import facts_in
from engine.contract import backbones
from engine.contract.jobs import KINDS, description_of

_OF_THE_TRADE = "F1 2D 3D L1 L2 AUPRO@0.3 AUPRO@0.05 MVTec-AD DINOv2 uint8"


def _said_of_settings() -> list[str]:
    fields = [field for job in KINDS.values() for field in job.settings().items()]
    for params in (params for job in KINDS.values() for params in job.models().values()):
        fields += params.model_fields.items()
    return [text for name, field in fields for text in (name, description_of(field))]


TERMS = frozenset(
    facts_in(
        [
            _OF_THE_TRADE,
            *(each for name in kind_names() for each in kind_of(name).galleries),
            *backbones.names(),
            *(
                text
                for job in KINDS.values()
                for model in job.models().values()
                for text in (model.title, model.summary)
            ),
            *_said_of_settings(),
        ]
    ).names
)
ROMAN_TERMS = frozenset(
    {"CI", "CV", "XL", "MI", "DI", "MIX", "CLI", "DVI"}
)  # abbreviations that would also be Roman numerals
