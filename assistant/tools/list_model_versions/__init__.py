"""Tool: the registered models, or the versions of one."""

from typing import Any

from pydantic_ai import RunContext

from assistant.models.registry import Model
from assistant.tools.desk import Desk
from assistant.tools.registered import model_meant


async def list_model_versions(ctx: RunContext[Desk], registered: str | None = None) -> dict[str, Any]:
    """Tell which models are registered, and of one its versions: which is the champion, the candidate, the one to roll back to, and what
    each missed and overkilled when it was tested.

    Args:
        registered: name of the registered model, such as panels; left out: all of them.
    """
    desk = ctx.deps
    if registered is not None:
        return {"models": [_told(await model_meant(desk, registered))]}
    return {"models": [_told(model) for model in await desk.models.registry.list()]}


def _told(model: Model) -> dict[str, Any]:
    versions = [
        {
            "version": each.row.version,
            "alias": each.alias,
            "from_run": each.row.run,
            "dataset": each.facts.dataset,
            "missed": each.facts.missed[0],
            "defective": each.facts.missed[1],
            "overkilled": each.facts.overkill[0] if each.facts.overkill else None,
            "good": each.facts.overkill[1] if each.facts.overkill else None,
        }
        for each in model.versions
    ]
    return {"name": model.row.name, "versions": versions}
