"""`murascope export`: the model of a finished training as a file for other runtimes."""

import asyncio
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from assistant.cli.common import JsonFlag, print_json, settings_here, tell
from prompts.figures import counted

STAGES = {
    "loading": "loading the model",
    "engine": "judging pictures by the engine",
    "translating": "writing the file",
    "comparing": "judging the same pictures by the file",
}


def export(
    what: Annotated[
        str,
        typer.Argument(
            metavar="RUN_OR_MODEL", help="Id of a training, such as r12, or a model, such as NAME@champion."
        ),
    ],
    format: Annotated[Literal["onnx", "openvino", "pt2"], typer.Option(help="For which runtime.")] = "onnx",
    output: Annotated[Path | None, typer.Option(help="New file; default is RUN.onnx, .xml or .pt2 here.")] = None,
    precision: Annotated[Literal["fp32", "fp16", "int8"], typer.Option(help="Of its numbers.")] = "fp32",
    data: Annotated[
        Path | None, typer.Option(help="Pictures to compare on; default are the training's own test images.")
    ] = None,
    most: Annotated[int, typer.Option(min=1, help="Pictures that are compared at most.")] = 64,
    as_json: JsonFlag = False,
) -> None:
    """Write the model for another runtime, with its threshold inside. The file is kept only if it judges as the engine does."""
    told = asyncio.run(_export(what, format=format, output=output, precision=precision, data=data, most=most))
    if as_json:
        print_json(told)
        return
    print(f"{Path(told['folder']) / told['files'][0]}\t{told['bytes'] / 2**20:.1f} MiB")
    for name in told["files"][1:]:
        print(Path(told["folder"]) / name)
    for line in _parity(told["parity"]):
        print(line)


async def _export(what: str, **settings: Any) -> dict[str, Any]:
    from assistant.models.exporting import export, exported_row
    from assistant.workspace import Workspace

    here = settings_here()
    async with Workspace.open(here) as workspace:
        row = await exported_row(workspace.runs, workspace.models.registry, what)
        return await export(here, workspace.runs, row, progress=lambda stage: tell(f"{STAGES[stage]} ..."), **settings)


def _parity(parity: dict[str, Any]) -> list[str]:
    differences = [
        f"{name} differs by {each['largest']:.3g} at most, of {each['range'][0]:.4g} to {each['range'][1]:.4g}"
        for name, each in parity["differences"].items()
    ]
    speed = parity["engine_ms_per_image"] / parity["ms_per_image"]
    return [
        f"compared on {counted(parity['images'], 'picture')} with {parity['runtime']}: no verdict changes; the nearest one to another "
        f"verdict is {parity['nearest']:.3g} away from it",
        *differences,
        f"{parity['ms_per_image']:.3g} ms a picture, {speed:.2g} times as fast as the engine",
    ]
