"""`murascope train`: what can be asked for on the command line; the training itself stands in training.py."""

import asyncio
import sys
from typing import Annotated

import typer

from assistant.cli.common import JsonFlag, settings_here
from engine.contract.jobs import FIRST_KIND, KINDS


def _models() -> str:
    if len(KINDS) == 1:
        return f"One of {', '.join(KINDS[FIRST_KIND].models())}."
    return " ".join(f"For {name} one of {', '.join(job.models())}." for name, job in KINDS.items())


def _known(task: str) -> str:
    if task not in KINDS:
        raise typer.BadParameter(f"{task!r} is not one of {', '.join(KINDS)}")
    return task


def train(
    data: Annotated[str, typer.Option("--data", help="A registered data set, or a folder.")],
    task: Annotated[
        str, typer.Option("--task", callback=_known, help=f"What is to be learnt: {', '.join(KINDS)}.")
    ] = FIRST_KIND,
    model: Annotated[str | None, typer.Option("--model", help=_models(), show_default=False)] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting, such as image_size=256; as often as needed."),
    ] = None,
    register: Annotated[
        str | None,
        typer.Option("--register", metavar="NAME", help="Register the model under this name when it has finished."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Start without asking.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Train without a server. Progress goes to stderr; Ctrl+C stops the run cleanly."""
    from assistant.cli.training import train_here

    def confirmed() -> bool:
        return yes or (sys.stdin.isatty() and typer.confirm("Start?", err=True))

    raise typer.Exit(
        asyncio.run(
            train_here(
                settings_here(),
                data,
                changes or [],
                kind=task,
                model=model,
                confirmed=confirmed,
                as_json=as_json,
                register=register,
            )
        )
    )
