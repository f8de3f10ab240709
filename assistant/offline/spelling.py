"""Typing errors: two words that are one slip apart, and mistyped English words set right."""

import re
import unicodedata

from assistant.offline.phrases import Vocabulary


def is_one_slip_apart(a: str, b: str) -> bool:
    """One letter too many, too few, wrong, or two neighbours swapped. Hangul is compared by its jamo."""
    a, b = unicodedata.normalize("NFD", a), unicodedata.normalize("NFD", b)
    if abs(len(a) - len(b)) > 1 or a == b:
        return False
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    rest_a, rest_b = a[start:], b[start:]
    if len(a) != len(b):
        return rest_a[1:] == rest_b or rest_a == rest_b[1:]
    return rest_a[1:] == rest_b[1:] or (rest_a[:2] == rest_b[1::-1] and rest_a[2:] == rest_b[2:])


def correct(text: str, *, words: Vocabulary, keep: frozenset[str]) -> str:
    """Mistyped English words of five letters or more become the vocabulary's word, where there is just one such word.

    `keep` are words of names. The first letter counts as typed right. Words of five letters only have letters swapped or doubled, or one missing: "brain" is no
    slip of "train".
    """

    def corrected(match: re.Match[str]) -> str:
        typed = match[0].lower()
        if typed in words.words or typed in keep or words.cues.match(typed, 0) or typed in words.not_names:
            return match[0]
        near = [word for word in words.words if word[0] == typed[0] and is_one_slip_apart(typed, word)]
        near = [word for word in near if len(word) > 5 or sorted(word) == sorted(typed) or len(word) != len(typed)]
        return near[0] if len(near) == 1 else match[0]

    return re.sub(r"(?<![\w-])[a-z]{4,}(?![\w-])", corrected, text, flags=re.IGNORECASE | re.ASCII)
