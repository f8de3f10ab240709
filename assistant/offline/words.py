"""What the built-in assistant says: templates over the facts that the tools returned, one file per language."""

import json
from functools import cache
from pathlib import Path
from typing import Any

from assistant.frames import Language
from assistant.prompts import render

LOCALES = Path(__file__).resolve().parents[2] / "web" / "locales"


def built_in_words(say: str, language: Language, facts: dict[str, Any]) -> str:
    """The wording of `say` (a tool's name, or an occasion such as `help`) in Markdown."""
    texts = _card_texts(language)

    def setting(name: str) -> str:
        return texts.get(f"setting.{name}", name.replace("_", " "))

    def choice(name: str, value: Any) -> str:
        return texts.get(f"choice.{name}.{value}", str(value))

    def card(code: str) -> str:
        known = (f"{kind}.{code}{part}" for kind in ("refused", "error") for part in ("", ".hint"))
        return " ".join(_sentence(texts[key], language) for key in known if key in texts)

    return render(f"built_in/{language}.md.j2", say=say, facts=facts, setting=setting, choice=choice, card=card)


def _sentence(text: str, language: Language) -> str:
    return text if text[-1] in ".!?。！？" else text + ("。" if language == "zh" else ".")


@cache
def _card_texts(language: Language) -> dict[str, str]:
    """What the page calls settings, their choices and what was refused, so that a sentence beside a card calls them the same."""
    texts = json.loads((LOCALES / f"{language}.json").read_text(encoding="utf-8"))
    return {key: text for key, text in texts.items() if key.startswith(("setting.", "choice.", "refused.", "error."))}
