"""Tool: which models can be trained."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field
from pydantic_ai import RunContext

from assistant.kinds import DEFAULT_KIND, Kind, kind_names, kind_of
from assistant.kinds.weights import local_backbones, where_are_weights
from assistant.tools.desk import Desk
from engine.contract.jobs import KINDS
from engine.contract.models import Family

CIRCUMSTANCES = ("otherwise", "few_images", "real_time", "no_weights")  # of which models are recommended


def _known(task: str) -> str:
    if task not in kind_names():
        raise ValueError(f"there is no kind of run {task[:100]!r} (have: {', '.join(kind_names())})")
    return task


Task = Annotated[str, AfterValidator(_known), Field(json_schema_extra={"enum": [*kind_names()]})]


async def list_models(
    ctx: RunContext[Desk],
    task: Task | None = None,
    family: Family | None = None,
    dataset: str | None = None,
    good_images: Annotated[int, Field(ge=1)] | None = None,
) -> dict[str, Any]:
    """List the models that can be trained, with what they are good for and what they need, and which to begin with.

    `advised` are those to begin with, the first one first, then those for other circumstances; `recommended` gives models by circumstances, `for_dataset` those for the
    data set.

    Args:
        task: only models of this kind of run; left out: those of every kind, and what is recommended is of detection.
        family: only this family: memory (one pass, no gradient), gradient, flow, or ensemble (of finished trainings).
        dataset: the data set that a model is sought for; left out: the one that was talked about last, or the only one.
        good_images: how many good images there are, where the user says so; it goes before what the data set has.
    """
    kind = kind_of(task or DEFAULT_KIND)
    kinds = [task] if task else kind_names()
    models: dict[str, Any] = {
        name: params
        for each in kinds
        for name, params in KINDS[each].models().items()
        if family in (None, getattr(params, "family", None))
    }
    fitting = await _for_dataset(ctx.deps, kind, dataset, good_images) if family is None else None
    recommended = kind.recommended([name for name in models if name in KINDS[kind.name].models()])
    return {
        **({"dataset": fitting["dataset"]} if fitting and fitting["dataset"] else {}),
        "advised": list(dict.fromkeys([*(fitting["models"] if fitting else []), *_named_by_circumstance(recommended)])),
        "models": [
            {
                "model": name,
                "title": params.title,
                "family": params.family,
                "summary": params.summary,
                "paper": params.paper,
                "backbone": params.default_backbone,
                "epochs": params.default_epochs,
                "needs_pretrained_weights": params.needs_weights,
                "needs_gpu_for_full_training": params.needs_gpu,
            }
            for name, params in models.items()
        ],
        "recommended": recommended,
        "for_dataset": fitting,
    }


def _named_by_circumstance(recommended: Mapping[str, Any]) -> list[str]:
    """In the order in which they are told."""
    return [name for circumstance in CIRCUMSTANCES for name in recommended[circumstance]["models"]]


async def _for_dataset(
    desk: Desk, kind: Kind[Any], named: str | None, good_images: int | None
) -> dict[str, Any] | None:
    """What to begin with on this data set, on the one that was talked about last, or on the only one; else None.

    With a number of good images: what to begin with on so many, whatever the data set.
    """
    rows = {row.name: row for row in await desk.datasets.list()}
    spoken = (await desk.memory.state()).datasets
    runs = await desk.runs.list(conversation=desk.conversation, limit=1)
    known = [name for name in (*spoken, *(run.dataset for run in runs)) if name in rows]
    meant = named or next(iter(known), None) or (next(iter(rows)) if len(rows) == 1 else "")
    row = rows.get(meant)
    if row is None and good_images is None:
        return None
    has = row.facts.train_good if row else 0
    good = good_images or has
    at_hand = desk.settings.hub == "on" or bool(await asyncio.to_thread(local_backbones, desk.settings))
    best = kind.best_for(good=good, weights_at_hand=at_hand)
    if not best:
        return None
    return {
        "dataset": row.name if row and good == has else None,
        "good": good,
        "weights_at_hand": at_hand,
        "models": best,
        "weights_missing": await asyncio.to_thread(_weights_missing, desk, kind, best),
    }


def _weights_missing(desk: Desk, kind: Kind[Any], models: list[str]) -> list[str]:
    """The backbones of these models whose weights are not on this machine and would not be fetched."""
    known: dict[str, Any] = {**KINDS[kind.name].models()}
    backbones = [known[name].default_backbone for name in models if known[name].needs_weights]
    return [each for each in dict.fromkeys(backbones) if each and where_are_weights(desk.settings, each) == "none"]
