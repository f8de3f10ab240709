"""Sentences that people say, each with the intent it shows: examples.toml of every tool and of every talk intent, found by their place."""

import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from assistant.offline import talk
from assistant.tools import FOLDER as TOOLS
from assistant.tools import tool_names
from prompts.languages import Language

LANGUAGES: tuple[Language, ...] = get_args(Language)


@dataclass(frozen=True)
class Example:
    """What somebody says, and what is meant: a tool or a talk intent, with the arguments that the sentence gives."""

    intent: str
    language: Language
    text: str
    arguments: dict[str, Any] = field(default_factory=dict, compare=False)


def examples() -> list[Example]:
    """Every example, in an order that does not change."""
    return [
        example
        for folder, names in ((TOOLS, tool_names()), (talk.FOLDER, talk.talk_names()))
        for name in names
        for example in examples_of(folder / name)
    ]


def examples_of(folder: Path) -> Iterator[Example]:
    """Those of one intent. `[[example]]` with `arguments`, and the sentences that give them, by language."""
    path = folder / "examples.toml"
    for each in tomllib.loads(path.read_text(encoding="utf-8"))["example"]:
        for language in LANGUAGES:
            for text in each.get(language, []):
                yield Example(folder.name, language, text, each.get("arguments", {}))


def names_in_examples(of: Sequence[Example]) -> list[str]:
    """The data sets that the examples speak of: they are known where an example is read."""
    return sorted({str(each.arguments["dataset"]) for each in of if "dataset" in each.arguments})
