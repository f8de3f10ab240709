"""Tool: give the model of a finished training a name and a version."""

from typing import Any

from pydantic_ai import ApprovalRequired, RunContext

from assistant.models.registry import ModelRefused
from assistant.runs.results import NoResults
from assistant.store.tables import SUCCEEDED
from assistant.tools import Traits
from assistant.tools.desk import Desk

TRAITS = Traits(asks_on="card", rather=SUCCEEDED)


async def register_model(
    ctx: RunContext[Desk], run: str | None = None, registered: str | None = None
) -> dict[str, Any]:
    """Register the model of a finished training under a name: it becomes the model's next version, at the threshold in force, and its
    candidate for promotion. The user is asked first.

    Args:
        run: id of the run, such as r12; left out: the one this conversation spoke of last.
        registered: name of the model; left out: that of the data set.
    """
    desk = ctx.deps
    row = await desk.run(run, rather=SUCCEEDED)
    desk.folder(row)  # or it is refused
    name = registered or row.dataset
    try:
        if not ctx.tool_call_approved:
            raise ApprovalRequired(metadata={"run": row.id, "name": name})
        version = await desk.models.register(name, row.id, who="chat")
    except NoResults as error:
        raise desk.refuse("no_results", str(error), **error.values) from None
    except ModelRefused as error:
        raise desk.refuse("not_registered_so", str(error), name=name, why=error.code) from None
    return {"run": row.id, "name": version.row.model, "version": version.row.version}
