"""What a text is about that asks for no tool: a greeting, how to add data, or what a word means."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from assistant.offline.language import lower, normalise
from prompts.languages import Language

LONGEST = 200  # a longer text is no question about a word


@dataclass(frozen=True)
class Topic:
    """`term` is set when `kind` is term: one of [say.terms] in phrases/*.toml, such as auroc or overkill."""

    kind: Literal["greeting", "add_data", "term", "other"]
    term: str | None = None


def topic_of(text: str, language: Language) -> Topic:
    """The topic of a text that no tool serves; words of every language count, those of `language` first."""
    typed = lower(normalise(text)).strip(" .!?~\u3002\uff01\uff1f")
    if len(typed) > LONGEST:
        return Topic("other")
    order: list[Language] = [language, *(each for each in ("en", "ko", "zh") if each != language)]
    said = [_say(each) for each in order]
    for words in said:
        if any(phrase in typed for phrase in words["add_data"]):
            return Topic("add_data")
    for words in said:
        for term, names in words["terms"].items():
            if any(_is_in(typed, name) for name in names):
                return Topic("term", term)
    is_greeting = any(
        typed == phrase or typed.startswith(phrase + " ") for words in said for phrase in words["greeting"]
    )
    return Topic("greeting" if is_greeting else "other")


def _is_in(typed: str, name: str) -> bool:
    """Whether the name stands in the text; a `...` in it is whatever stands between its parts."""
    return re.search(".{0,30}?".join(re.escape(part.strip()) for part in name.split("...")), typed) is not None


@cache
def _say(language: Language) -> dict[str, Any]:
    path = Path(__file__).parent / "phrases" / f"{language}.toml"
    said: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))["say"]
    return said
