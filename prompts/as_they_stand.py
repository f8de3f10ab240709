"""Names and texts of somebody else as they stand in our Markdown: no sign in them is a mark, none makes a link or a button, none is unseen."""

import re
import unicodedata
from typing import Any

# What Markdown could take for a mark inside a line; an underscore within a word, as in image_auroc, is none.
_MARKS = re.compile(r"[\\`*\[\]<~]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)")
_LINES = re.compile(r"\s*[\n\r\x0b\x0c\x85\u2028\u2029]\s*")
_JOINERS = "\u200c\u200d"  # of letters and of emoji: format characters that are seen


def as_it_stands(value: Any) -> Any:
    """A text, or a nest of lists and dictionaries of texts, for a template of Markdown; anything else as it is."""
    match value:
        case str():
            return _MARKS.sub(r"\\\g<0>", "".join(map(_seen, _LINES.sub(" ", value))))
        case list() | tuple():
            return [as_it_stands(each) for each in value]
        case dict():
            return {as_it_stands(name): as_it_stands(each) for name, each in value.items()}
        case _:
            return value


def _seen(character: str) -> str:
    """A character that turns the order of reading, or is not seen at all, as a sign that is."""
    hidden = unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co") and character not in _JOINERS
    return "\ufffd" if hidden else character
