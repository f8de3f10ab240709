"""Sentences that people say, each with what it asks for: examples.txt of every tool and of every talk intent, found by their place.

    # datasets: cover_glass, line4_pcb
    en | dataset=cover_glass model=padim epochs=80 | eighty rounds of padim on the cover glass should do
    ko | batch_size=8 | 배치 여덟

A line is a language, the arguments that the sentence gives, and the sentence. A value is written as it is, or as JSON. `# datasets:` says
which names are registered where the sentences below it are said.
"""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, cast, get_args

from assistant.offline import talk
from assistant.tools import FOLDER as TOOLS
from assistant.tools import tool_names
from prompts.languages import Language

FILE = "examples.txt"
ARGUMENT = re.compile(r'(\w+)=("(?:[^"\\]|\\.)*"|\[[^\]]*\]|\S+)')
REGISTERED = re.compile(r"# datasets:(.*)")


@dataclass(frozen=True)
class Example:
    """What somebody says, and what is meant: a tool or a talk intent, with the arguments that the sentence gives. `datasets`: the names
    that are registered where it is said; `told`: what it asks for, as it is written."""

    intent: str
    language: Language
    text: str
    arguments: dict[str, Any] = field(default_factory=dict, compare=False)
    datasets: tuple[str, ...] = field(default=(), compare=False)
    told: str = field(default="", compare=False)


@cache
def examples() -> tuple[Example, ...]:
    """Every example, in an order that does not change.

    Raises:
        ValueError: a line is not as it should be; says which.
    """
    return tuple(
        example
        for folder, names in ((TOOLS, tool_names()), (talk.FOLDER, talk.talk_names()))
        for name in names
        for example in examples_of(folder / name)
    )


def examples_of(folder: Path) -> Iterator[Example]:
    """Those of one intent."""
    for example in _read(folder / FILE):
        yield replace(example, intent=folder.name, arguments=arguments_in(example.told))


def several() -> list[Example]:
    """Sentences that ask for more than one thing: several.txt, whose lines tell the requests in their order, with ";" between."""
    return list(_read(Path(__file__).with_name("several.txt")))


def _read(path: Path) -> Iterator[Example]:
    datasets: tuple[str, ...] = ()
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if not line or line.startswith("#"):
            if match := REGISTERED.match(line):
                datasets = tuple(name.strip() for name in match[1].split(",") if name.strip())
            continue
        language, arguments, text = (*(part.strip() for part in line.split("|", 2)), "", "")[:3]
        if language not in get_args(Language) or not text:
            raise ValueError(f"{path.parent.name}/{path.name}, line {number}: expected 'en | name=value | sentence'")
        yield Example("", cast(Language, language), text, told=arguments, datasets=datasets)


def arguments_in(text: str) -> dict[str, Any]:
    """From "dataset=oled epochs=80" to the arguments."""
    return {name: _value(written) for name, written in ARGUMENT.findall(text)}


def _value(written: str) -> Any:
    try:
        return json.loads(written)
    except ValueError:
        return written


@cache
def names_in_examples() -> tuple[str, ...]:
    """The data sets that examples speak of which do not say what is registered: all these are."""
    stated = (
        str(each.arguments["dataset"]) for each in examples() if "dataset" in each.arguments and not each.datasets
    )
    return tuple(sorted(set(stated)))


def registered_for(example: Example) -> Sequence[str]:
    """The names that are registered where an example is said."""
    return example.datasets or names_in_examples()


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
