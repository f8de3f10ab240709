"""A length of time in words, as exact as an estimate deserves: 0.4 s, 40 s, 3 min, 2 h 5 min.

One rule, and one table of words (`time.*` of the page's texts), for page, chat and terminal. `duration` of web/static/js/format.js is the
same rule for what changes on the page; a test compares the two.
"""

from math import floor

from prompts.languages import Language
from prompts.page_texts import filled, page_texts


def duration(seconds: float, language: Language = "en") -> str:
    """Seconds under a minute and a half, minutes under an hour and a half, else hours and minutes."""
    if seconds < 0.95:
        return _said("seconds", language, count=max(_rounded(10 * seconds), 1) / 10)
    if seconds < 90:
        return _said("seconds", language, count=_rounded(seconds))
    minutes = _rounded(seconds / 60)
    if seconds < 5400:
        return _said("minutes", language, count=minutes)
    hours, minutes = divmod(minutes, 60)
    return (
        _said("hours", language, hours=hours, minutes=minutes)
        if minutes
        else _said("only_hours", language, hours=hours)
    )


def _rounded(number: float) -> int:
    return floor(number + 0.5)  # a half goes up, as on the page


def _said(unit: str, language: Language, **values: float) -> str:
    return filled(page_texts(language)[f"time.{unit}"], values)
