"""Every number that is said about a measurement must be one: the check between an LLM's words and the reader.

The rule is strict and simple. A text is read as the reader will see it (reading.py), and whatever in it could be a figure, in digits
(digits.py) or in words (words.py), must be plainly supported by a fact (facts.py): some fact, rounded to as many decimals as the text
shows, equals it; with a percent sign the fact may be a share. What could be a figure and is not plainly a supported one is unsupported.
Words such as "good" are not checked.
"""

from assistant.llm.grounding.digits import unsupported_digits
from assistant.llm.grounding.facts import Facts, facts_in
from assistant.llm.grounding.reading import readings, shows_nothing
from assistant.llm.grounding.words import unsupported_words

__all__ = ["Facts", "facts_in", "shows_nothing", "unsupported"]


def unsupported(text: str, facts: Facts) -> list[str]:
    """What in `text` could be a figure and is not supported by a fact, as it is read. Takes time linear in the text."""
    found: dict[str, None] = {}
    for reading in readings(text):
        for figure in (*unsupported_digits(reading, facts), *unsupported_words(reading, facts)):
            found[figure] = None
    return list(found)
