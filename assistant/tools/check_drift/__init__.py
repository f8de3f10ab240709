"""Tool: whether what a model is shown lately still looks like what its threshold was set on."""

from typing import Any

from pydantic_ai import RunContext

from assistant.models.drift import NoDrift
from assistant.runs.results import NoResults
from assistant.store.tables import SUCCEEDED
from assistant.tools import Traits
from assistant.tools.desk import Desk
from assistant.tools.registered import model_meant

TRAITS = Traits(rather=SUCCEEDED)


async def check_drift(ctx: RunContext[Desk], run: str | None = None, registered: str | None = None) -> dict[str, Any]:
    """Tell whether the line drifts: whether the pictures that a model judged lately score like the good images that its threshold was set on.
    Where they do not, what the threshold promised holds no more.

    Args:
        run: id of a finished run, such as r12; left out: a registered model is meant.
        registered: name of a registered model, such as panels; left out: the only one there is.
    """
    desk = ctx.deps
    reference = (
        (await desk.run(run, rather=SUCCEEDED)).id
        if run is not None
        else (await model_meant(desk, registered)).row.name
    )
    try:
        found = await desk.models.drift(reference)
    except NoDrift as error:
        raise desk.refuse("no_drift", str(error), of=reference) from None
    except NoResults as error:
        raise desk.refuse("no_results", str(error), **error.values) from None
    moved = "higher" if (found.moved or 0) > 0 else "lower"
    return {
        "of": reference,
        "outcome": moved if found.outcome == "drifted" else found.outcome,
        "pictures": found.below,
        "good": found.kept,
    }
