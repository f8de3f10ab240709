"""A training from Python, from its settings to a registered model.

    from assistant import runner

    told = runner.run("panels", model="patchcore", name="line3", image_size=256)
    print(told)  # {"run_id": "r12", "status": "succeeded", "metrics": {...}, "model": {"name": "line3", "version": 1, "alias": "candidate"}}

Calling it is the yes: the training starts at once, on this machine or where the settings say (MURASCOPE_*), and is waited for.
"""

import asyncio
from typing import Any

from assistant.kinds import kind_of
from assistant.models.registry import valid_name
from assistant.plans.launching import launch_unstored
from assistant.plans.plan import plan_on
from assistant.runs.queue import Becomes
from assistant.settings import Settings
from assistant.workspace import Workspace
from engine.contract.jobs import FIRST_KIND


def run(
    data: str,
    *,
    model: str | None = None,
    name: str | None = None,
    task: str = FIRST_KIND,
    settings: Settings | None = None,
    **chosen: Any,
) -> dict[str, Any]:
    """As `run_async`, outside of an event loop."""
    return asyncio.run(run_async(data, model=model, name=name, task=task, settings=settings, **chosen))


async def run_async(
    data: str,
    *,
    model: str | None = None,
    name: str | None = None,
    task: str = FIRST_KIND,
    settings: Settings | None = None,
    **chosen: Any,
) -> dict[str, Any]:
    """Train, and register the model where a name is given.

    Args:
        data: a registered data set, or a folder.
        model: of `engine.contract.jobs`; None is the usual one of the task.
        name: the registered model that it becomes a version of; of what extends a version of one model, that is usually this model.
        chosen: settings of the training, such as image_size=256.

    Returns:
        run_id; status, one of succeeded, failed, stopped; metrics at the threshold in force; model with name, version and alias, None where
        it was not registered; `reason` where it did not succeed.

    Raises:
        SpecError, DatasetError: the settings or the data cannot be trained with, in words; nothing was started.
        ModelRefused: the name cannot be a model's, and nothing was started; or it is another kind's: the training has finished by then, and can
            be registered under another.
    """
    settings = settings or Settings()
    name = None if name is None else valid_name(name)
    async with Workspace.open(settings) as workspace:
        facts = await workspace.datasets.facts_of(data)
        subject = model or kind_of(task).default_model
        plan = await plan_on(settings, workspace.runs, facts, kind=task, model=subject, chosen=chosen)
        begun = await launch_unstored(workspace.runs, plan, who="python", name=name)
        row = await workspace.supervisor.run_one(begun.id)
        told = {"run_id": row.id, "status": row.state, "metrics": row.metrics or {}, "model": None}
        if row.state != "succeeded":
            return {**told, "reason": row.reason}
        if (wanted := Becomes.of(begun)) is not None:
            version = (await workspace.models.register_ended(row.id, wanted)).row
            told["model"] = {"name": version.model, "version": version.version, "alias": "candidate"}
        return told
