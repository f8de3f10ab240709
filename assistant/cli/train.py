"""`murascope train`, `extend` and `adapt`: what can be asked for on the command line; the training itself stands in training.py."""

import asyncio
import sys
from collections.abc import Callable
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


Changes = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="NAME=VALUE", help="A setting, such as image_size=256; as often as needed."),
]
Register = Annotated[
    str | None,
    typer.Option("--register", metavar="NAME", help="Register the model under this name when it has finished."),
]
Yes = Annotated[bool, typer.Option("--yes", help="Start without asking.")]


def train(
    data: Annotated[str, typer.Option("--data", help="A registered data set, or a folder.")],
    task: Annotated[
        str, typer.Option("--task", callback=_known, help=f"What is to be learnt: {', '.join(KINDS)}.")
    ] = FIRST_KIND,
    model: Annotated[str | None, typer.Option("--model", help=_models(), show_default=False)] = None,
    changes: Changes = None,
    register: Register = None,
    yes: Yes = False,
    as_json: JsonFlag = False,
) -> None:
    """Train without a server. Progress goes to stderr; Ctrl+C stops the run cleanly."""
    from assistant.cli.training import train_here

    raise typer.Exit(
        asyncio.run(
            train_here(
                settings_here(),
                data,
                changes or [],
                kind=task,
                model=model,
                confirmed=_confirmed(yes),
                as_json=as_json,
                register=register,
            )
        )
    )


def extend(
    reference: Annotated[
        str, typer.Argument(help="A model, such as panels or panels@2, or a finished run, such as r12.")
    ],
    data: Annotated[str, typer.Argument(help="A registered data set, or a folder, with new good images.")],
    changes: Changes = None,
    register: Register = None,
    yes: Yes = False,
    as_json: JsonFlag = False,
) -> None:
    """Keep what a model knows and extend its memory by new good images; the next candidate of a registered model."""
    from assistant.cli.training import extend_here

    raise typer.Exit(
        asyncio.run(
            extend_here(
                settings_here(),
                reference,
                data,
                changes or [],
                confirmed=_confirmed(yes),
                as_json=as_json,
                register=register,
            )
        )
    )


def adapt(
    name: Annotated[str, typer.Argument(help="Name of a model with a champion.")],
    promote: Annotated[
        bool,
        typer.Option("--promote", help="Promote the result, where nothing speaks against it and nothing gives pause."),
    ] = False,
    yes: Yes = False,
    as_json: JsonFlag = False,
) -> None:
    """One step of adaptive mode: extend the champion by pictures of the line that it judged good without doubt. Nothing does so by itself."""
    from assistant.cli.training import adapt_here

    raise typer.Exit(
        asyncio.run(adapt_here(settings_here(), name, promote=promote, confirmed=_confirmed(yes), as_json=as_json))
    )


def _confirmed(yes: bool) -> Callable[[], bool]:
    return lambda: yes or (sys.stdin.isatty() and typer.confirm("Start?", err=True))
