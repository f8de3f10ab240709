"""`murascope recommend`: what can be asked for on the command line; the trials themselves stand in sweeping.py."""

import asyncio
import sys
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from assistant.cli.common import JsonFlag, settings_here

if TYPE_CHECKING:
    from assistant.groups.recommending import Goal


def _known(goal: str) -> str:
    from assistant.groups.recommending import GOALS

    if goal not in GOALS:
        raise typer.BadParameter(f"{goal!r} is not one of {', '.join(GOALS)}")
    return goal


def recommend(
    data: Annotated[str, typer.Option("--data", help="A registered data set, or a folder.")],
    goal: Annotated[
        str, typer.Option("--goal", callback=_known, help="What matters most: accuracy, speed, memory or few_shot.")
    ] = "accuracy",
    minutes: Annotated[float, typer.Option("--minutes", help="That all trials together may take.")] = 5.0,
    yes: Annotated[bool, typer.Option("--yes", help="Start without asking.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Try the models that suit a data set on a cut of it, and say which to train. Progress goes to stderr; Ctrl+C stops all cleanly."""
    from assistant.cli.sweeping import recommend_here

    def confirmed() -> bool:
        return yes or (sys.stdin.isatty() and typer.confirm("Start?", err=True))

    wanted = cast("Goal", goal)
    what: dict[str, Any] = {"goal": wanted, "minutes": minutes, "confirmed": confirmed, "as_json": as_json}
    raise typer.Exit(asyncio.run(recommend_here(settings_here(), data, **what)))
