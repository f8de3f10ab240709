"""The language that a command speaks."""

from typing import TYPE_CHECKING, Annotated

import typer

from prompts.languages import LANGUAGES, Language

if TYPE_CHECKING:
    from assistant.settings import Settings


def _known(language: str | None) -> str | None:
    if language is not None and language not in LANGUAGES:
        raise typer.BadParameter(f"{language!r} is not one of {', '.join(LANGUAGES)}")
    return language


LanguageOption = Annotated[
    str | None,
    typer.Option(
        "--language", callback=_known, help=f"One of {', '.join(LANGUAGES)}; default: MURASCOPE_LANGUAGE, else en."
    ),
]


def as_language(given: str | None, settings: "Settings") -> Language:
    """The language that was given, else that of the settings."""
    return next((each for each in LANGUAGES if each == given), settings.language)
