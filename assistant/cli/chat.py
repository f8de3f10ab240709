"""`murascope chat`: the conversation in a terminal."""

import asyncio
from typing import Annotated

import typer

from assistant.cli.common import settings_here
from assistant.cli.languages import LanguageOption, as_language


def chat(
    conversation: Annotated[
        str | None, typer.Option("--conversation", help="Id of a conversation to go on with; default: a new one.")
    ] = None,
    language: LanguageOption = None,
) -> None:
    """Talk in the terminal: plan, approve, watch and read results as on the page."""
    from assistant.cli.terminal.talk import talk_here

    settings = settings_here()
    raise typer.Exit(asyncio.run(talk_here(settings, conversation, as_language(language, settings))))
