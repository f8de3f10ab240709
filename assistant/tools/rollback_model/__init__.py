"""Tool: put the champion before this one to work again."""

from typing import Any

from pydantic_ai import ApprovalRequired, RunContext

from assistant.models.registry import ModelRefused
from assistant.tools import Traits
from assistant.tools.desk import Desk
from assistant.tools.registered import model_meant

TRAITS = Traits(asks_on="card", ends=True)


async def rollback_model(ctx: RunContext[Desk], registered: str | None = None) -> dict[str, Any]:
    """Take the champion of a registered model back: the champion before it is at work again. The user is asked first.

    Args:
        registered: name of the registered model, such as panels; left out: the only one there is.
    """
    desk = ctx.deps
    model = await model_meant(desk, registered)
    name, back = model.row.name, model.aliases.rollback
    if back is None:
        raise desk.refuse("no_rollback", f"{name} has no champion before this one to go back to", name=name)
    if not ctx.tool_call_approved:
        asked = {"name": name, "version": back, "instead_of": model.aliases.champion}
        raise ApprovalRequired(metadata={**asked, "seen": model.row.revision})
    seen = (ctx.tool_call_metadata or {}).get("seen")
    try:
        changed = await desk.models.roll_back(name, who="chat", seen=seen)
    except ModelRefused as error:
        raise desk.refuse("changed_meanwhile", str(error), name=name) from None
    return {"name": name, "version": changed.aliases.champion}
