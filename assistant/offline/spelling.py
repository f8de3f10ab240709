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
    """Mistyped English words of four letters or more become the vocabulary's word, where there is just one such word.

    `keep` are words of names. The first letter counts as typed right. Short words are corrected only where letters were swapped, doubled
    or left out: "brain" is no slip of "train". An inflection ("work", "works") is no slip either.
    """

    def corrected(match: re.Match[str]) -> str:
        typed = match[0].lower()
        known = words.cues.match(typed, 0)
        means_itself = typed in words.words or typed in keep or typed in words.not_names or typed in words.ordinary
        if means_itself or (known and known.end == len(typed)):
            return match[0]
        near = sorted(
            word
            for word in words.words
            if word[0] == typed[0] and abs(len(word) - len(typed)) <= 1 and _is_likely_slip(typed, word)
        )
        stems = {word[:4] for word in near}
        return near[0] if len(stems) == 1 else match[0]

    return re.sub(r"(?<![\w-])[a-z]{4,}(?![\w-])", corrected, text, flags=re.IGNORECASE | re.ASCII)


def _is_likely_slip(typed: str, word: str) -> bool:
    if typed.startswith(word) or word.startswith(typed) or not is_one_slip_apart(typed, word):
        return False
    return len(word) > 5 or sorted(word) == sorted(typed) or (len(word) == 5 and len(typed) != 5)
