"""What a person may say that needs no tool: one folder per intent, found by its name.

    examples.txt        sentences that say it, in each language, as those of the tools; `arguments` names what is read off them.
    en.md.j2 (ko, zh)    what is answered. `facts`: what was read, the names of the data sets (`datasets`) and the open plan (`plan`).
    talk.toml            where it is not like most: `reads`, the arguments that are read off a sentence (the readers of arguments.py), and
                         `passes = true` where it says nothing beside a request, as a greeting does.

A request that is taken for one of these is never carried out: asking about a stop stops nothing.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from prompts.languages import Language
from prompts.rendering import render

FOLDER = Path(__file__).resolve().parent


@cache
def talk_names() -> tuple[str, ...]:
    return tuple(sorted(path.parent.name for path in FOLDER.glob("*/examples.txt")))


@cache
def _traits(intent: str) -> dict[str, Any]:
    path = FOLDER / intent / "talk.toml"
    return tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def talk_reads(intent: str) -> list[str]:
    """What is read off a sentence of this intent."""
    return list(_traits(intent).get("reads", ()))


def passes(intent: str) -> bool:
    """Whether it says nothing beside a request in the same sentence."""
    return bool(_traits(intent).get("passes", False))


def talk_words(intent: str, language: Language, facts: dict[str, Any], **wording: Any) -> str:
    """What is answered, in Markdown."""
    return render(f"{language}.md.j2", folder=FOLDER / intent, facts=facts, **wording)
