"""The page's own words, for a sentence in the chat or a line in a terminal that says the same as the page does."""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from assistant.frames import Language

LOCALES = Path(__file__).resolve().parent.parent / "web" / "locales"
PLACEHOLDER = re.compile(r"\{(\w+)\}")

Text = str | list[str]  # a list is [singular, plural]


@cache
def page_texts(language: Language) -> Mapping[str, Text]:
    texts: dict[str, Text] = json.loads((LOCALES / f"{language}.json").read_text(encoding="utf-8"))
    return texts


def filled(text: Text, values: Mapping[str, Any]) -> str:
    """The text with its {placeholders} filled in.

    Raises:
        KeyError: a value that it needs is missing.
    """
    if isinstance(text, list):
        text = text[0] if values.get("count") == 1 else text[1]
    return PLACEHOLDER.sub(lambda match: _shown(values[match[1]]), text)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
