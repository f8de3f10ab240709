"""Names that people type: one line, and nothing in them that cannot be seen. What is invisible makes two names look the same."""

import re
import unicodedata

# Control and format characters (directions, joiners of no width), surrogates, private and unassigned ones, line and paragraph ends
INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
JOINERS = "\u200c\u200d"  # of letters and of emoji: format characters that are seen
FILLERS = frozenset("\u115f\u1160\u2800\u3164\uffa0")  # letters and symbols by category, but nothing to see


def is_one_visible_line(text: str, *, allowed: str = "") -> bool:
    """Whether every character is one that a person sees, on one line, and there is one that is no space."""
    seen = all(unicodedata.category(each) not in INVISIBLE or each in allowed for each in text)
    shown = any(unicodedata.category(each)[0] not in "ZMC" for each in text)
    return seen and shown and FILLERS.isdisjoint(text)


def plain_name(text: str) -> str | None:
    """A name as it is stored: NFC, trimmed, of 1 to 80 letters, digits, spaces or - _ . ( ), beginning with a letter or digit. None where it
    is none, or one that a run or a group of runs has: whoever says it means that one."""
    is_plain = is_one_visible_line(text)  # before line ends are trimmed away
    name = unicodedata.normalize("NFC", text).strip()
    is_taken = re.fullmatch(r"[rg]\d+", name, re.IGNORECASE)
    fits = 1 <= len(name) <= 80 and re.fullmatch(r"\w[\w .()\-]*", name)
    return name if is_plain and fits and not is_taken else None


def looks_like_path(data: str) -> bool:
    """Whether it can be no name of a data set."""
    return "/" in data or "\\" in data or data.startswith((".", "~"))
