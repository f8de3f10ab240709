"""Figures in words. A small number in words counts like its digits; a fraction, a multiple, a large number, anything said in an unusual
way is never plainly supported. Ordinary uses of such words ("one more thing", 한번, 一下) are told by the words around them, and each
language has its file."""

import re

from assistant.llm.grounding import chinese, english, korean, latin
from assistant.llm.grounding.facts import Facts
from assistant.llm.grounding.reading import FOREIGN
from assistant.llm.grounding.terms import ROMAN_TERMS

_WORD = re.compile(r"\w+")
_ROMAN = re.compile(
    r"[ivx]{2,}|[ivxlc]*(?:xx|ii|ix|xi)[ivxlc]*|i{4}|m{0,3}(?:cm|cd|d?c{0,3})(?:xc|xl|l?x{0,3})(?:ix|iv|v?i{0,3})"
)
_ROMAN_WORD = re.compile(
    r"(?<![A-Za-z0-9_])(?:[IVXLCDM]{2,15}|[ivxlc]{2,15}|[VX](?![ -]?(?:ax|dir|coord|ray)))(?![A-Za-z0-9_])"
)
_LOOKS_LIKE_DIGITS = re.compile(r"(?<![A-Za-z0-9_])(?=[Il]*O)[IlO]{2,15}(?![A-Za-z0-9_])")
_SPACED_LETTERS = re.compile(r"(?<![A-Za-z])(?:[A-Za-z](?:[^\w\n]|_)){2,}[A-Za-z](?![A-Za-z])")


def unsupported_words(text: str, facts: Facts) -> list[str]:
    """What a reading says in words that could be a figure and that no fact supports."""
    spelled = [re.sub(r"[\W_]", "", match.group()) for match in _SPACED_LETTERS.finditer(text)]
    said = [
        figure
        for language in (english, korean, chinese, latin)
        for each in (text, *spelled)
        for figure, value in language.figures(each)
        if value is None or value not in facts.numbers
    ]
    said += _LOOKS_LIKE_DIGITS.findall(text)
    return said + _roman(text) + _unreadable(text, facts)


def _roman(text: str) -> list[str]:
    words = (match.group() for match in _ROMAN_WORD.finditer(text))
    return [
        word
        for word in words
        if word not in ROMAN_TERMS and not {*word.lower()}.isdisjoint("ivx") and _ROMAN.fullmatch(word.lower())
    ]


def _unreadable(text: str, facts: Facts) -> list[str]:
    """Words of other scripts, and words of mixed ones: they may be figures in disguise. Known names are none."""
    if text.isascii():
        return []
    return [word for word in _WORD.findall(text) if FOREIGN.search(word) and word.lower() not in facts.names]
