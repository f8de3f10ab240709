"""Sentences that people say, each with the intent it shows: examples.toml of every tool and of every talk intent, found by their place."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from assistant.offline import talk
from assistant.tools import FOLDER as TOOLS
from assistant.tools import tool_names
from prompts.languages import LANGUAGES, Language


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


def is_said_in_examples(word: str) -> bool:
    """Whether a word is one that people say when they ask for something, and no name: it stands in an example without being named there."""
    boundary = r"(?<![a-z0-9])" if word[:1].isascii() else r"(?<![가-힣])" if "가" <= word[:1] <= "힣" else ""
    ending = r"(?![a-z0-9])" if word[-1:].isascii() else ""
    return re.search(boundary + re.escape(word.lower()) + ending, _said_beside_names()) is not None


@cache
def _said_beside_names() -> str:
    """All examples in lower case, without the names in them."""
    texts = []
    for each in examples():
        text = each.text.lower()
        for value in each.arguments.values():
            text = text.replace(str(value).lower(), "\n")
        texts.append(text)
    return "\n".join(texts)
