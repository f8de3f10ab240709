"""`murascope bundle RUN --output FILE`, `bundle verify FILE`, `bundle install FILE`: a finished training in one zip, for sites without network."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from assistant.cli.common import JsonFlag, print_json, settings_here
from prompts.figures import counted


def bundle(
    what: Annotated[
        str,
        typer.Argument(
            metavar="RUN_OR_MODEL | verify | install",
            help="Id of a training, such as r12, or NAME@champion; or what to do with FILE.",
        ),
    ],
    file: Annotated[Path | None, typer.Argument(help="The bundle to verify or to install.")] = None,
    output: Annotated[Path | None, typer.Option(help="New zip; default is RUN.zip here.")] = None,
    as_json: JsonFlag = False,
) -> None:
    """Pack a finished training into one zip for a site without network (RUN --output FILE), or verify or install such a zip there.

    It holds the model, the weights of its encoder, its threshold, its results, and pictures to try it on. A zip that is
    damaged, hostile, or scores otherwise than it says is refused.
    """
    if what in ("verify", "install"):
        if file is None:
            raise typer.BadParameter(f"name the bundle: murascope bundle {what} FILE")
        told = asyncio.run(_verify(file) if what == "verify" else _install(file))
    elif file is not None:
        raise typer.BadParameter(f"name the new zip as --output {file}")
    else:
        told = asyncio.run(_pack(what, output))
    if as_json:
        print_json(told)
        return
    for line in _lines(told):
        print(line)


def _lines(told: dict[str, Any]) -> Iterator[str]:
    if "file" in told:
        weights = ", ".join(told["bundle"]["weights"]) or "none needed"
        yield f"{told['file']}\t{told['bytes'] / 2**20:.1f} MiB\tweights of the encoder: {weights}"
    elif "run" in told:
        yield f"{told['run']}\t{told['model']} on {told['dataset']}"
        yield f"judge pictures with it: murascope test {told['run']} --data FOLDER --output FOLDER"
    else:
        about = told["bundle"]
        yield f"{about['model']} on {about['dataset']}\twhole, and scores as it says"
        yield f"{counted(told['pictures'], 'picture')} scored again, largest difference {told['largest_difference']:.3g}"


async def _pack(what: str, output: Path | None) -> dict[str, Any]:
    from assistant.models.bundles import write_bundle
    from assistant.models.exporting import exported_row
    from assistant.workspace import Workspace

    settings = settings_here()
    async with Workspace.open(settings) as workspace:
        row = await exported_row(workspace.runs, workspace.models.registry, what)
        return await write_bundle(settings, workspace.runs, row, output=output or Path(f"{row.id}.zip"))


async def _verify(file: Path) -> dict[str, Any]:
    from assistant.models.bundles import verify_bundle

    return (await verify_bundle(settings_here(), file)).facts()


async def _install(file: Path) -> dict[str, Any]:
    from assistant.models.bundles import install_bundle
    from assistant.workspace import Workspace

    settings = settings_here()
    async with Workspace.open(settings) as workspace:
        row = await install_bundle(settings, workspace.runs, file)
        return {"run": row.id, "model": row.subject, "dataset": row.dataset, "threshold": row.threshold}
