"""`murascope understand`: what the built-in assistant would do at a sentence, as JSON; `murascope learn`: its intents learned ahead."""

import asyncio
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from assistant.cli.common import give_up, print_json, settings_here, tell
from prompts.figures import counted


def understand(
    text: Annotated[str | None, typer.Argument(help="One message.")] = None,
    file: Annotated[Path | None, typer.Option("--file", help='Lines {"id", "language", "text"}.')] = None,
    datasets: Annotated[
        str | None,
        typer.Option("--datasets", help="Names of the data sets, separated by commas; default: the registered ones."),
    ] = None,
    language: Annotated[
        str | None, typer.Option("--language", help="en, ko or zh; default: read off the text.")
    ] = None,
) -> None:
    """Print what the built-in assistant understands: calls in their order, or an intent that needs no tool, or a question back with its
    choices; what it heard and does not use; by how much the intent leads, and the second guess. Nothing is called."""
    from assistant.offline.understand import understand as read

    home = settings_here().home
    names = datasets.split(",") if datasets is not None else _registered_names()
    names = [name.strip() for name in names if name.strip()]

    def answer(sentence: str, spoken: Any) -> dict[str, Any]:
        known = spoken if spoken in ("en", "ko", "zh") else None
        return _shown(read(sentence, datasets=names, language=known, home=home))

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


def learn() -> None:
    """Learn the intents from the examples now, so that the first message does not wait for it. Prints how many there are, and how many
    are understood when they are left out of learning (cross-validation)."""
    from assistant.offline.learned import learned
    from assistant.offline.learning import cross_validated

    learned(settings_here().home)
    for language, counts in cross_validated().items():
        tell(f"{language}: {counted(counts.said, 'sentence')}, {100 * counts.right / counts.said:.1f} % right")


def _shown(heard: Any) -> dict[str, Any]:
    asks = heard.asks and {
        "code": heard.asks.code,
        "choices": [{"says": each.says, **_request(each.request)} for each in heard.asks.choices],
    }
    return {
        "calls": [_request(request) for request in heard.requests if request.tool],
        "intent": next((request.intent for request in heard.requests if not request.tool), None),
        "asks": asks,
        "unused": list(heard.unused),
        "margin": heard.margin,
        "second": heard.second,
    }


def _request(request: Any) -> dict[str, Any]:
    named = {"tool": request.tool} if request.tool else {"tool": None, "intent": request.intent}
    return {**named, "arguments": request.arguments}


def _registered_names() -> list[str]:
    from assistant.workspace import Workspace

    async def names() -> list[str]:
        async with Workspace.open(settings_here()) as workspace:
            return list(await workspace.datasets.names())

    return asyncio.run(names())
