"""What the built-in assistant says: templates over the facts that the tools returned, one file per language."""

from typing import Any

from assistant.frames import Language
from assistant.prompts import render


def built_in_words(say: str, language: Language, facts: dict[str, Any]) -> str:
    """The wording of `say` (a tool's name, or an occasion such as `help`) in Markdown."""
    return render(f"built_in/{language}.md.j2", say=say, facts=facts)
