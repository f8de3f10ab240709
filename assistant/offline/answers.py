"""What a bare word says to an open question: a plain yes, a clear no, not yet, or a question in return.

The words stand in [understand.answers] of phrases/*.toml; here stands how they go together. A text with anything else in it is no
bare word. What is not plainly a yes never is one: a false start costs hours, a second question costs a word.
"""

import re
import unicodedata
from itertools import pairwise
from typing import Literal

from assistant.offline.language import detect_language, lower, normalise
from assistant.offline.phrases import Found, vocabulary

# approve: a yes that can only mean a plan, such as "start the training". unclear: a yes and a no at once.
Answer = Literal["yes", "approve", "no", "wait", "question", "unclear"]

LONGEST = 60
YES, NO = ("yes", "go", "approve"), ("nay", "no", "wait")
COMMANDS = ("go", "approve")

# The closed class of words that make a sentence a question where no question mark does.
_ASKS = re.compile(
    r"(?:^|[,.;!])\s*(?:(?:ok|okay|so|and|but|well|oh|um|hmm|hey)\s+)?"
    r"(?:is|are|am|was|can|could|may|might|shall|should|will|would|does|did|has|have)\s"
    r"|\bdo\s+(?:i|we|you|they)\b|\b(?:what|why|how|when|where|which|who)\b"
    r"|(?:까요?|나요|는지요?|는가요?|은가요?|인가요?|되나|되니|하나|하니|냐)\W*$"
    r"|[吗么]\W*$|(?<![一-鿿])(?:对|是|可以|没问题|没错)吧\W*$"
    r"|(?<!不)([一-鿿]{1,2})[不没]\1"
)
_BREAK = re.compile(r"[,.;:!\n、，。…~]|\s-\s")
_HANGUL = re.compile(r"[가-힣ㄱ-ㅎ]")


def answer(text: str) -> Answer | None:
    """What a short text says if it is nothing but an answer; None if it says anything else."""
    language = detect_language(text)
    typed = lower(normalise(text)).strip().translate(vocabulary(language).traditional)
    if not typed or len(typed) > LONGEST:
        return None
    found = vocabulary(language).answers.find(typed)
    if re.search(r"\w", _without(typed, found)):
        return None
    said = [phrase for phrase in found if phrase.value != "filler"]
    if is_question(text):
        return "question" if said else None
    return _taken_together(said, typed) if said else None


def is_question(text: str) -> bool:
    """Whether a text asks: by its mark, whatever its shape, or by the words that ask in its language."""
    marked = any("QUESTION" in unicodedata.name(letter, "") or letter == "\N{INTERROBANG}" for letter in text)
    return marked or _ASKS.search(lower(normalise(text)).strip()) is not None


def _taken_together(said: list[Found], typed: str) -> Answer:
    values = [phrase.value for phrase in said]
    if all(value in YES for value in values):
        return "approve" if "approve" in values else "yes"
    if all(value in NO for value in values):
        return "wait" if "wait" in values else "no"
    last = values[-1]
    if last in NO and "unclear" not in values:  # "ok, wait": the last word counts
        return "wait" if last == "wait" else "no"
    if last in COMMANDS and all(_is_left_behind(this, after, typed) for this, after in pairwise(said)):
        return "approve" if last == "approve" else "yes"
    return "unclear"


def _is_left_behind(this: Found, after: Found, typed: str) -> bool:
    """Whether a word does not turn round the command that follows: "no, go ahead" is one, "not start" none.

    A Korean no stands before nothing that it negates; there the verb comes first.
    """
    if this.value in YES or this.value == "unclear":
        return True
    if after.value in NO:  # "no no": the last of them tells
        return this.value != "no"
    is_cut_off = _BREAK.search(typed[this.end : after.start]) is not None
    is_korean = _HANGUL.match(typed, this.start) is not None
    return (this.value == "nay" and (is_cut_off or is_korean)) or (this.value == "wait" and is_cut_off)


def _without(typed: str, found: list[Found]) -> str:
    rest = list(typed)
    for phrase in found:
        rest[phrase.start : phrase.end] = " " * (phrase.end - phrase.start)
    return "".join(rest)
