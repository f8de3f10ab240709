"""Names that people type: one line, and nothing in them that cannot be seen. What is invisible makes two names look the same."""

import unicodedata

# Control and format characters (directions, joiners of no width), surrogates, private and unassigned ones, line and paragraph ends
INVISIBLE = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
JOINERS = "\u200c\u200d"  # of letters and of emoji: format characters that are seen
FILLERS = "\u115f\u1160"  # letters of Hangul that take no part in a syllable; others are composed of them


def is_one_visible_line(text: str, *, allowed: str = "") -> bool:
    """Whether every character is one that a person sees, on one line, and there is one that is no space."""
    seen = all(unicodedata.category(each) not in INVISIBLE or each in allowed for each in text)
    fillers = any(each in FILLERS for each in unicodedata.normalize("NFKC", text))
    shown = any(unicodedata.category(each)[0] not in "ZMC" for each in text)
    return seen and shown and not fillers
