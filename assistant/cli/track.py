"""`murascope track`: tell MLflow what it does not know yet."""

import asyncio
import os
from typing import TYPE_CHECKING, Annotated

import typer

from assistant.cli.common import INVALID, JsonFlag, print_json, settings_here, tell
from prompts.figures import counted

if TYPE_CHECKING:
    from assistant.models.tracking.tracker import Sent
    from assistant.settings import Settings

NICE = 10  # trainings go first
LOOKS_EVERY_S = 3.0
IDLE_S = 60.0  # with nothing to tell, until it ends
LONGEST_WAIT_S = 60.0  # between tries while MLflow is away


def track(
    follow: Annotated[
        bool, typer.Option("--follow", help="Go on while there is something to tell, as the server has it.")
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Tell MLflow of all trainings and models that it does not know yet. The server does so by itself; what MLflow missed is sent later."""
    from assistant.models.tracking.store import TrackingTrouble

    settings = settings_here()
    if follow:
        os.nice(NICE)
    try:
        sent = asyncio.run(_follow(settings) if follow else _once(settings))
    except TrackingTrouble as error:
        tell(str(error))
        raise typer.Exit(INVALID) from None
    if as_json:
        print_json({"runs": sent.runs, "models": sent.models})
    elif not follow:
        print(f"MLflow was told of {counted(sent.runs, 'training')} and {counted(sent.models, 'model')}")


async def _once(settings: "Settings") -> "Sent":
    from assistant.models.tracking.tracker import Sent
    from assistant.workspace import Workspace

    async with Workspace.open(settings) as workspace:
        runs, models = 0, 0
        while (sent := await workspace.tracker.send()).has_ended:
            runs, models = runs + sent.runs, models + sent.models
        return Sent(runs + sent.runs, models + sent.models)


async def _follow(settings: "Settings") -> "Sent":
    """Ends with its asker, or when there has been nothing to tell for a while."""
    from assistant.models.tracking.store import TrackingTrouble
    from assistant.models.tracking.tracker import Sent
    from assistant.workspace import Workspace
    from engine.contract.asker import end_with_asker

    end_with_asker()
    loop = asyncio.get_running_loop()
    async with Workspace.open(settings) as workspace:
        runs, models, told_at, wait_s = 0, 0, loop.time(), LOOKS_EVERY_S
        while loop.time() - told_at < IDLE_S:
            try:
                sent = await workspace.tracker.send()
            except TrackingTrouble as error:
                if error.code == "tracking_busy":
                    raise
                tell(str(error))
                told_at, wait_s = loop.time(), min(2 * wait_s, LONGEST_WAIT_S)
            else:
                runs, models, wait_s = runs + sent.runs, models + sent.models, LOOKS_EVERY_S
                told_at = loop.time() if sent.runs or sent.models else told_at
            await asyncio.sleep(wait_s)
        return Sent(runs, models)
