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
from prompts.languages import Language

# go: a yes that starts or praises something, such as "go ahead" or "great", and so none to "stop it?". approve: one that can
# only mean a plan, such as "start the training". unclear: a yes and a no at once.
Answer = Literal["yes", "go", "approve", "no", "wait", "question", "unclear"]

LONGEST = 60
YES, NO = ("yes", "praise", "go", "approve"), ("nay", "no", "wait")
COMMANDS = ("go", "approve")

# The closed class of words that make a sentence a question where no question mark does.
_ASKS = re.compile(
    r"(?:^|[,.;!])\s*(?:(?:ok|okay|so|and|but|well|oh|um|hmm|hey)\s+)?"
    r"(?:is|are|am|was|can|could|may|might|shall|should|will|would|does|did|has|have)\s"
    r"|\bdo\s+(?:i|we|you|they)\b|\b(?:what|why|how|when|where|which|who)\b"
    r"|(?:까요?|나요|는지요?|는가요?|은가요?|인가요?|되나|되니|하나|하니|냐)\W*$"
    r"|[吗么]\W*$|(?<![一-鿿])(?:对|是|可以|没问题|没错)吧\W*$"
    r"|(?<!不)((?!不)[一-鿿]{1,2})[不没]\1"
)
_BREAK = re.compile(r"[,.;:!\n、，。…~]|\s-\s")
_HESITATES = re.compile(r"(?:\.\s*\.|…|。\s*。)\W*$")  # "hmm, yes..." trails off
_NEGATES = re.compile(
    r"(?:不[是用要必]?|别|先别|don'?t|do not)$|(?:안|하지|말)"
)  # a word that turns round the no beside it
_HANGUL = re.compile(r"[가-힣ㄱ-ㅎ]")


def answer(text: str) -> Answer | None:
    """What a short text says if it is nothing but an answer; None if it says anything else."""
    return answer_in(text, detect_language(text), asks=is_question(text))


def answer_in(text: str, language: Language, *, asks: bool) -> Answer | None:
    """The same, where it is known in which language it is and whether it is a question."""
    typed = lower(normalise(text)).strip().translate(vocabulary(language).traditional)
    if not typed or len(typed) > LONGEST:
        return None
    found = vocabulary(language).answers.find(typed)
    if not all(_is_idle(letter) for letter in _without(typed, found)):
        return None
    said = [phrase for phrase in found if phrase.value != "filler"]
    if not said:
        return None
    if asks or _asks_whether(said, typed):
        return "question"
    taken = _taken_together(said, typed)
    return "unclear" if taken in ("yes", "go", "approve") and _HESITATES.search(typed) else taken


def is_question(text: str) -> bool:
    """Whether a text asks: by its mark, whatever its shape, or by the words that ask in its language."""
    return any(map(_is_question_mark, text)) or _ASKS.search(lower(normalise(text)).strip()) is not None


def _asks_whether(said: list[Found], typed: str) -> bool:
    """A Chinese yes with a bare no right behind it: 行不 is short for 行不行."""
    if len(said) < 2 or typed[said[-1].start : said[-1].end] != "不":
        return False
    return said[-2].value in YES and said[-2].end == said[-1].start


def _taken_together(said: list[Found], typed: str) -> Answer:
    values = [phrase.value for phrase in said]
    if all(value in YES for value in values):
        return "approve" if "approve" in values else "go" if {"go", "praise"} & set(values) else "yes"
    if any(_is_turned_round(this, after, typed, is_last=after is said[-1]) for this, after in pairwise(said)):
        return "unclear"
    if all(value in NO for value in values):
        return "wait" if "wait" in values else "no"
    last = values[-1]
    if last in NO and "unclear" not in values:  # "ok, wait": the last word counts
        return "wait" if last == "wait" else "no"
    if last in COMMANDS and all(_is_left_behind(this, after, typed) for this, after in pairwise(said)):
        return "approve" if last == "approve" else "go"
    return "unclear"


def _is_turned_round(this: Found, after: Found, typed: str, *, is_last: bool) -> bool:
    """Whether two words make one of another sense: a negated no (不取消, 취소하지 마), a choice of both (yes/no, 예 아니오), or
    letters of one Korean word (시작됐어)."""
    gap = typed[this.end : after.start]
    first, second = typed[this.start : this.end], typed[after.start : after.end]
    if _BREAK.search(gap) or after.value not in NO or first == second:
        return False
    if this.value in YES:
        is_one_word = gap == "" and _HANGUL.match(first) is not None
        is_choice = is_last and after.value == "nay" and gap.isspace()
        return is_one_word or is_choice or "/" in gap
    if this.value in NO:
        return (this.value != "nay" or gap == "") and any(_NEGATES.match(word) for word in (first, second))
    return False


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


def _is_question_mark(letter: str) -> bool:
    return "QUESTION" in unicodedata.name(letter, "") or letter == "\N{INTERROBANG}"


def _is_idle(letter: str) -> bool:
    """Blanks, punctuation and a Korean smile (^^) say nothing; a sign such as a thumb up or down does, and we do not judge it."""
    return (
        letter.isspace()
        or letter in "~^"
        or _is_question_mark(letter)
        or unicodedata.category(letter).startswith(("P", "M"))
    )


def _without(typed: str, found: list[Found]) -> str:
    rest = list(typed)
    for phrase in found:
        rest[phrase.start : phrase.end] = " " * (phrase.end - phrase.start)
    return "".join(rest)
