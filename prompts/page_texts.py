"""The texts of the page, in three languages, for the page itself and for whoever must call a thing what the page calls it.

A text stands once in each language, under the same key:

    locales/<language>.json         what the whole product says
    kinds/<kind>/<language>.json    what belongs to one kind of run alone: its stages (`stage.<name>`), what it reports (`run.<what>`), its
                                    settings and whatever else its cards say
    models/<model>.toml             what belongs to one model alone (model_words.py)

A setting has a name (`setting.<name>`), names of its choices (`choice.<name>.<value>`), and a sentence on what it means
(`help.<name>`); that sentence, and a model's summary, stand in English in the code, which the schemas are made from. All are found by
their place and merged into one table; a key that stands twice is an error. A tool's words stand in the tool's folder (assistant/tools).
"""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from prompts.languages import Language
from prompts.model_words import model_words

Text = str | list[str]  # a list is [singular, plural]

PROMPTS = Path(__file__).resolve().parent
LOCALES = PROMPTS / "locales"
PLACEHOLDER = re.compile(r"\{(\w+)\}")


@cache
def page_texts(language: Language) -> Mapping[str, Text]:
    """Every text of a language by its key."""
    texts: dict[str, Text] = {}
    for path, found in _files(language):
        twice = texts.keys() & found.keys()
        assert not twice, f"{path} holds texts that stand elsewhere too: {', '.join(sorted(twice))}"
        texts |= found
    return texts


def flat(table: Mapping[str, Any], key: str = "") -> dict[str, Text]:
    """The texts of a table within tables, by their dotted keys."""
    texts: dict[str, Text] = {}
    for name, text in table.items():
        texts |= flat(text, f"{key}{name}.") if isinstance(text, dict) else {f"{key}{name}": text}
    return texts


def filled(text: Text, values: Mapping[str, Any]) -> str:
    """The text with its {placeholders} filled in.

    Raises:
        KeyError: a value that it needs is missing.
    """
    if isinstance(text, list):
        text = text[0] if values.get("count") == 1 else text[1]
    return PLACEHOLDER.sub(lambda match: _shown(values[match[1]]), text)


def _files(language: Language) -> Iterator[tuple[Path, dict[str, Text]]]:
    for path in [LOCALES / f"{language}.json", *sorted(PROMPTS.glob(f"kinds/*/{language}.json"))]:
        yield path, json.loads(path.read_text(encoding="utf-8"))
    for name, words in model_words(language).items():
        own = {f"model.{name}": {"summary": words["summary"]}} if "summary" in words else {}
        own |= {f"help.{name}": words["help"]} if "help" in words else {}
        shared = {kind: words[kind] for kind in ("setting", "choice", "run") if kind in words}
        yield PROMPTS / "models" / f"{name}.toml", flat(own | shared)


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_shown, value))
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
