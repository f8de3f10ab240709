"""`murascope understand`: the tool call that the built-in assistant would make of a sentence, as JSON."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from assistant.cli.common import give_up, print_json, settings_here


def understand(
    text: Annotated[str | None, typer.Argument(help="One sentence.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help='Lines {"id", "language", "text"}.')] = None,
    datasets: Annotated[
        str | None,
        typer.Option("--datasets", help="Names of the data sets, separated by commas; default: the registered ones."),
    ] = None,
    language: Annotated[
        str | None, typer.Option("--language", help="en, ko or zh; default: read off the text.")
    ] = None,
) -> None:
    """Print the tool call that the built-in assistant would make of a sentence. Nothing is called."""
    from assistant.offline.understand import understand as read

    names = datasets.split(",") if datasets is not None else _registered_names()
    names = [name.strip() for name in names if name.strip()]

    def answer(sentence: str, spoken: Any) -> dict[str, Any]:
        call = read(sentence, datasets=names, language=spoken if spoken in ("en", "ko", "zh") else None)
        return {"tool": call.tool, "arguments": call.arguments} if call else {"tool": None, "arguments": {}}

    if file is not None:
        if not file.is_file():
            give_up(f"there is no file {file}")
        for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip():
                try:
                    asked = json.loads(line)
                    said = {"id": asked["id"], **answer(asked["text"], asked.get("language", language))}
                except (ValueError, KeyError, TypeError) as error:
                    give_up(f'{file}, line {number}: expected {{"id", "language", "text"}} as JSON ({error})')
                print_json(said)
    elif text is not None:
        print_json(answer(text, language))
    else:
        give_up("give a sentence or --file")


def _registered_names() -> list[str]:
    from assistant.workspace import Workspace

    async def names() -> list[str]:
        async with Workspace.open(settings_here()) as workspace:
            return list(await workspace.datasets.names())

    return asyncio.run(names())
