"""What a person said, read once where it comes in: in which language, whether it asks, and what it says if it is nothing but an answer.

What it asks for is understood by the agent: by the LLM, or by the built-in assistant's rules (understand.py).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from assistant.offline.answers import Answer, answer_in, is_question
from assistant.offline.language import detect_language
from prompts.languages import Language


@dataclass(frozen=True)
class Said:
    """A message of a person.

    Args:
        language: the one to answer in.
        asks: it is a question.
        answer: what it says if it is nothing but an answer to a question.
    """

    text: str
    language: Language
    asks: bool
    answer: Answer | None


def read(text: str, *, otherwise: Language, names: Iterable[str] = ()) -> Said:
    """Read a message; `otherwise` is the language of one that has no word beside `names`, such as that of a data set."""
    script, asks = detect_language(text), is_question(text)
    language = script if any(letter.isalpha() for letter in _without(names, text)) else otherwise
    return Said(text, language, asks, answer_in(text, script, asks=asks))


def _without(names: Iterable[str], text: str) -> str:
    """The longest names are taken out first: one may stand within another."""
    patterns = [rf"(?<!\w){re.escape(name)}(?!\w)" for name in sorted(names, key=len, reverse=True) if name]
    return re.sub("|".join(patterns), " ", text, flags=re.IGNORECASE) if patterns else text
