"""Tool: which models can be trained."""

import asyncio
from typing import Annotated, Any

from pydantic import Field
from pydantic_ai import RunContext

from assistant.kinds.detect.advice import best_for, recommended
from assistant.kinds.weights import local_backbones, where_are_weights
from assistant.tools import Traits
from assistant.tools.desk import Desk
from engine.contract.models import MODELS, Family

TRAITS = Traits(hears_dataset=True)


async def list_models(
    ctx: RunContext[Desk],
    family: Family | None = None,
    dataset: str | None = None,
    good_images: Annotated[int, Field(ge=1)] | None = None,
) -> dict[str, Any]:
    """List the models that can be trained, with what they are good for and what they need, and which to begin with.

    `recommended` gives models by circumstances; `for_dataset` those to begin with on the data set.

    Args:
        family: only this family: memory (one pass, no gradient), gradient, flow, or ensemble (of finished trainings).
        dataset: the data set that a model is sought for; left out: that of the plan or run talked about, or the only one.
        good_images: how many good images there are, where the user says so; it goes before what the data set has.
    """
    listed = [name for name, params in MODELS.items() if family in (None, params.family)]
    return {
        "models": [
            {
                "model": name,
                "title": MODELS[name].title,
                "family": MODELS[name].family,
                "summary": MODELS[name].summary,
                "paper": MODELS[name].paper,
                "backbone": MODELS[name].default_backbone,
                "epochs": MODELS[name].default_epochs,
                "needs_pretrained_weights": MODELS[name].needs_weights,
                "needs_gpu_for_full_training": MODELS[name].needs_gpu,
            }
            for name in listed
        ],
        "recommended": recommended(listed),
        "for_dataset": await _for_dataset(ctx.deps, dataset, good_images) if family is None else None,
    }


async def _for_dataset(desk: Desk, named: str | None, good_images: int | None) -> dict[str, Any] | None:
    """What to begin with on this data set, on that of the open plan or the latest run, or on the only one; else None.

    With a number of good images: what to begin with on so many, whatever the data set.
    """
    plan = await desk.proposals.latest_open(desk.conversation)
    runs = await desk.runs.list(conversation=desk.conversation, limit=1)
    rows = await desk.datasets.list()
    last = plan or (runs[0] if runs else None)
    meant = named or (last.dataset if last else rows[0].name if len(rows) == 1 else None)
    row = next((row for row in rows if row.name == meant), None)
    if row is None and good_images is None:
        return None
    has = row.facts.train_good if row else 0
    good = good_images or has
    at_hand = desk.settings.hub == "on" or bool(await asyncio.to_thread(local_backbones, desk.settings))
    best = best_for(good=good, weights_at_hand=at_hand)
    return {
        "dataset": row.name if row and good == has else None,
        "good": good,
        "weights_at_hand": at_hand,
        "models": best,
        "weights_missing": await asyncio.to_thread(_weights_missing, desk, best),
    }


def _weights_missing(desk: Desk, models: list[str]) -> list[str]:
    """The backbones of these models whose weights are not on this machine and would not be fetched."""
    backbones = [MODELS[name].default_backbone for name in models if MODELS[name].needs_weights]
    return [each for each in dict.fromkeys(backbones) if each and where_are_weights(desk.settings, each) == "none"]
