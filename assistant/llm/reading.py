"""A text as its reader sees it: entities and Markdown rendered, invisible characters gone, every digit a plain one.

Markdown may or may not be taken as such where it stands, so there are two readings, with its marks and without, and both must hold.
"""

import html
import re
import unicodedata

from assistant.data.names import FILLERS

LETTERS = "a-zA-Z\u1100-\u11ff\uac00-\ud7a3\u3131-\u318e\u2e80-\u2fdf\u3005-\u3007\u3400-\u9fff\uf900-\ufaff"  # of our languages
_TURNS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"  # change the order in which characters are seen
_MARKS = re.compile(r"\]\([^()\n]*\)|<[^<>]*>|~~+|[*`\\\[\]<>|]|(?<!\w)_+|(?<!_)_++(?!\w)")
_ENTITIES_DEEP = 3


def readings(text: str) -> tuple[str, ...]:
    """The text with its Markdown marks and without them, in plain characters."""
    for _ in range(_ENTITIES_DEEP):
        text = html.unescape(text)
    written = plain(text)
    rendered = _MARKS.sub("", written)
    return (written,) if written == rendered else (written, rendered)


def shows_nothing(text: str) -> bool:
    """Whether a reader sees nothing of the text: it is empty, blank, or of invisible characters only."""
    return not readings(text)[0].strip()


def plain(text: str) -> str:
    """The text in plain characters: no widths, styles, accents or invisible characters; digits of every script as ASCII ones."""
    if text.isascii():
        return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]", "", text)
    seen = "".join(_seen(character) for character in text)
    apart = unicodedata.normalize("NFKD", seen)
    kept = "".join(character for character in apart if _is_visible(character))
    return unicodedata.normalize("NFC", kept).replace("\u2212", "-").replace("\u066a", "%")


def _seen(character: str) -> str:
    """A digit of any script as an ASCII one; what turns the order of reading round as a sign that no word holds."""
    if character.isascii():
        return character
    if unicodedata.category(character) == "Nd":
        return str(unicodedata.decimal(character))
    return "\ufffd" if character in _TURNS else character


def _is_visible(character: str) -> bool:
    if character in FILLERS:
        return False
    category = unicodedata.category(character)
    return category[0] not in "MC" or character in "\n\t\r"
