"""`murascope sweep`: what can be asked for on the command line; the tuning itself stands in sweeping.py."""

import asyncio
import sys
from typing import Annotated

import typer

from assistant.cli.common import JsonFlag, settings_here


def sweep(
    data: Annotated[str, typer.Option("--data", help="A registered data set, or a folder.")],
    over: Annotated[
        str,
        typer.Option(
            "--over",
            metavar="NAME[=VALUE,VALUE,...]",
            help="The setting that is tuned, such as image_size=128,192,256; without values some that are sensible are tried.",
        ),
    ],
    model: Annotated[str | None, typer.Option("--model", help="Left out: the usual one.", show_default=False)] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting that all trainings share; as often as needed."),
    ] = None,
    minutes: Annotated[float | None, typer.Option("--minutes", help="That all trainings together may take.")] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Start without asking.")] = False,
    as_json: JsonFlag = False,
) -> None:
    """Train once for each value of a setting and say which is best. Progress goes to stderr; Ctrl+C stops all cleanly."""
    from assistant.cli.sweeping import sweep_here

    def confirmed() -> bool:
        return yes or (sys.stdin.isatty() and typer.confirm("Start?", err=True))

    raise typer.Exit(
        asyncio.run(
            sweep_here(
                settings_here(),
                data,
                over,
                changes or [],
                model=model,
                minutes=minutes,
                confirmed=confirmed,
                as_json=as_json,
            )
        )
    )
