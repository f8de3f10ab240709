"""Why something could not be, as the engine and the supervisor say it in English, in the reader's language.

Such a sentence is stored where nobody knows yet who will read it: in figures, in event logs, with attempts. Each that is ours stands among the
page's texts under `reason.`, in English to the letter; what others said (a machine's own message) stays as it is. The page does the same
(web/static/js/i18n.js).
"""

import re
from functools import cache

from prompts.languages import Language
from prompts.page_texts import PLACEHOLDER, filled, page_texts

PREFIX = "reason."
LONGEST, DEEPEST = 2000, 8  # characters, and sentences of ours within one another; a log may hold any text


def reason_in(language: Language, reason: str) -> str:
    """The sentence in this language; as it is where it is none of ours. What stands in brackets after it is said so too."""
    return reason if language == "en" or len(reason) > LONGEST else _said(language, reason, DEEPEST)


def _said(language: Language, reason: str, deepest: int) -> str:
    if deepest == 0:
        return reason
    head, semicolon, rest = reason.partition("; ")
    if semicolon and (said := _whole(language, head, deepest)) is not None:
        return f"{said}; {_said(language, rest, deepest - 1)}"
    if (said := _whole(language, reason, deepest)) is not None:
        return said
    if reason.endswith(")"):
        for bracket in re.finditer(r" \\?\(", reason):
            if (said := _whole(language, reason[: bracket.start()], deepest)) is not None:
                told = reason[bracket.end() : -1].removesuffix("\\")
                return f"{said} ({_said(language, told, deepest - 1)})"
    return reason


@cache
def english_reasons() -> dict[str, str]:
    """The English sentences by their keys, in the order in which they are looked through."""
    return {key: str(text) for key, text in page_texts("en").items() if key.startswith(PREFIX)}


def _whole(language: Language, reason: str, deepest: int) -> str | None:
    for key, pattern in _patterns().items():
        if (found := pattern.fullmatch(reason)) is not None:
            values = {name: _said(language, value, deepest - 1) for name, value in found.groupdict().items()}
            return filled(page_texts(language)[key], values)
    return None


@cache
def _patterns() -> dict[str, re.Pattern[str]]:
    return {key: re.compile(_pattern(text), re.DOTALL) for key, text in english_reasons().items()}


def _pattern(text: str) -> str:
    pieces = PLACEHOLDER.split(text)  # literal and name in turn
    return "".join(f"(?P<{piece}>.+?)" if at % 2 else _as_it_stands(piece) for at, piece in enumerate(pieces))


def _as_it_stands(literal: str) -> str:
    """The literal, also with the backslashes of Markdown (prompts/as_they_stand.py)."""
    return "".join(re.escape(each) if each.isalnum() or each == " " else rf"\\?{re.escape(each)}" for each in literal)
