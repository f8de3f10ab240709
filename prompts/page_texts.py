"""The texts of the page, in three languages, for the page itself and for whoever must call a thing what the page calls it.

A text stands once, under a key, in the file of its language. Most stand in `locales/<language>.json`. What belongs to one kind of run
alone stands in that kind's own folder, `kinds/<kind>/<language>.json`, and is found there: its stages (`stage.<name>`), what it reports
(`run.<what>`), its settings (`setting.<name>`, `choice.<name>.<value>`) and whatever else its cards say. All are merged into one table; a
key that stands in two files is an error. A tool's words stand in the tool's folder (assistant/tools), above this one.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

Language = Literal["en", "ko", "zh"]
Text = str | list[str]  # a list is [singular, plural]

PROMPTS = Path(__file__).resolve().parent
LOCALES = PROMPTS / "locales"
PLACEHOLDER = re.compile(r"\{(\w+)\}")


@cache
def page_texts(language: Language) -> Mapping[str, Text]:
    """Every text of a language by its key."""
    texts: dict[str, Text] = {}
    for path in [LOCALES / f"{language}.json", *sorted(PROMPTS.glob(f"kinds/*/{language}.json"))]:
        found: dict[str, Text] = json.loads(path.read_text(encoding="utf-8"))
        twice = texts.keys() & found.keys()
        assert not twice, f"{path} holds texts that stand elsewhere too: {', '.join(sorted(twice))}"
        texts |= found
    return texts


@cache
def setting_helps(language: Language) -> Mapping[str, Mapping[str, str]]:
    """What settings mean and models are, where that is not said in the language of the code: `settings` and `models` by name."""
    helps: dict[str, dict[str, str]] = {}
    if language != "en":
        helps = json.loads((LOCALES / f"help.{language}.json").read_text(encoding="utf-8"))
    return helps


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
