"""The words of the tools: what the page says while they work, and what is said of what they return or refuse."""

import tomllib
from collections.abc import Mapping
from functools import cache, partial
from typing import Any

from assistant.tools import FOLDER, tool_names
from prompts.languages import Language
from prompts.page_texts import Text, filled, flat
from prompts.reasons import reason_in
from prompts.rendering import render


@cache
def tool_texts(language: Language) -> Mapping[str, Text]:
    """The texts of the page that are the tools' own, by key: `tool.<name>.running`, `.done`, and `.asks` of one that asks."""
    texts: dict[str, Text] = {}
    for name in tool_names():
        page = tomllib.loads((FOLDER / name / "page.toml").read_text(encoding="utf-8"))
        texts |= flat(page[language], f"tool.{name}.")
    return texts


def question_words(name: str, values: Mapping[str, Any], language: Language) -> str:
    """What a tool asks on a small card of its own, given what it wants to do."""
    how = f".{values['how']}" if "how" in values else ""
    return filled(tool_texts(language)[f"tool.{name}.asks{how}"], values)


def tool_words(name: str, say: str, language: Language, facts: dict[str, Any], **wording: Any) -> str:
    """What a tool itself has to say (see the docstring of this folder); nothing where it leaves that to the words that all share."""
    if name not in tool_names():
        return ""
    code = facts.get("code") if say == "refused" else None
    wording["reason"] = partial(reason_in, language)
    return render(f"{language}.md.j2", folder=FOLDER / name, say=say, code=code, facts=facts, **wording)
