"""The words of a terminal: those of the page, and what it says alone (prompts/terminal)."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from assistant.tools.wording import Wording, wording
from prompts.languages import Language
from prompts.page_texts import Text, filled, flat

FOLDER = Path(__file__).resolve().parents[3] / "prompts" / "terminal"


class Words:
    """`words.page` are those of the page, `words("hello")` those of the terminal."""

    def __init__(self, language: Language):
        self.language: Language = language
        self.page: Wording = wording(language)

    def __call__(self, key: str, **values: Any) -> str:
        return filled(terminal_texts(self.language)[key], values)


@cache
def terminal_texts(language: Language) -> Mapping[str, Text]:
    return flat(tomllib.loads((FOLDER / f"{language}.toml").read_text(encoding="utf-8")))
