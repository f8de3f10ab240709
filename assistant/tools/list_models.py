"""Tool: which models can be trained."""

from typing import Any

from pydantic_ai import RunContext

from assistant.tools import Desk
from engine.params import MODELS, Family


async def list_models(ctx: RunContext[Desk], family: Family | None = None) -> dict[str, Any]:
    """List the models that can be trained, with what they are good for.

    Args:
        family: only this family: memory (one pass, no gradient), gradient, or flow.
    """
    return {
        "models": [
            {
                "model": name,
                "title": params.title,
                "family": params.family,
                "summary": params.summary,
                "paper": params.paper,
                "backbone": params.default_backbone,
                "epochs": params.default_epochs,
            }
            for name, params in MODELS.items()
            if family in (None, params.family)
        ]
    }
