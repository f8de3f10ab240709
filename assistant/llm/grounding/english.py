"""English number words."""

import itertools
import re

_SMALL = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"]  # fmt: skip
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
VALUES = {word: float(value) for value, word in enumerate(_SMALL)} | {
    word: 10.0 * value for value, word in enumerate(_TENS, start=2)
} | {"single": 1.0}  # fmt: skip

_COUNT = "|".join(_SMALL[1:10])
_NUMBER = rf"(?:{'|'.join(_TENS)})(?:[ -]?(?:{_COUNT}))?|{'|'.join(_SMALL)}|single"
# Large numbers, fractions, multiples, ordinals: nothing that can be held against a fact.
_UNCLEAR = (
    r"hundreds?|thousands?|[mb]illions?|dozens?|half|halves|halv(?:ed|ing)|thirds?|quarters?|twice|thrice|doubl(?:es?|ed|ing)|tripl(?:es?|ed|ing)"
    r"|trebl(?:es?|ed|ing)|quadrupl(?:es?|ed|ing)|couple|nil|nought|naught|zilch|zeros|zeroes"
    rf"|(?:{'|'.join(_TENS)})(?:[ -]?(?:ish|odd|some|plus|something))|(?:{'|'.join(_SMALL[1:])})[ -]?(?:ish|odd)|(?:{'|'.join(ten[:-1] for ten in _TENS)})ies|teens"
    # Nouns that count what they group.
    r"|trios?|quartets?|quintets?|sextets?|septets?|octets?|nonets?|duos?|three ?score|a gross|a brace|a pair of"
    r"|centur(?:y|ies)|decades?|fortnights?|decuple|an octave|(?:a|\d|[a-z]+ty|[a-z]*teen|two|three|four|five|six|seven|eight|nine|ten) grand(?! total)"
    r"|orders? of magnitude|unity"
    r"|(?:four|fif|six|seven|eigh|nin|ten|eleven|twelf|\w{1,8}teen|\w{1,8}tie)ths?|(?:hundred|thousand|million)ths?"
    rf"|(?:{'|'.join(_SMALL)}|{'|'.join(_TENS)}|hundred|thousand)(?:[ -]?fold|[ -]times)"
)
_FIGURE = re.compile(rf"(?<![a-z])(?:(?P<unclear>{_UNCLEAR})|(?P<number>{_NUMBER}))(?![a-z])")
# Between the words of one number: "seven point nine".
_JOINS = re.compile(r"[\s,.\-\u2010-\u2015]*(?:(?:and|point|oh|o|a)[\s\-]+)*")
_POINT = re.compile(rf"(?<![a-z])point[ -]+(?:{_NUMBER}|oh|\d)")

_NOUNS = r"ways?|things?|steps?|options?|reasons?|kinds?|sorts?|questions?|possibilit(?:y|ies)|choices?|points?|sides?|approach(?:es)?|ideas?|paths?|words?|sentences?"
_ORDINARY = re.compile(
    r"(?<![a-z])(?:"
    rf"(?:{_COUNT}) (?:(?:more|other|last|main|good|simple|possible|different) )?(?:{_NOUNS})(?![a-z])"
    r"|one (?:by one|another|at a time|or the other|after the other|time|moment|day)"
    r"|(?:(?:this|that|which|each|every|any|no|another|some)|(?:an?|the|your|my|our) (?!only|single|lone|sole|same)[a-z]+)[ -]ones?(?= |[.,;:!?)]|$)(?! in | of | out )"
    r"|the (?:same )?one (?:that|which|you|with|who|we|it|in|from|whose|for|named|called)"
    r"|leave[- ]one[- ]out|one[- ](?:class|shot|sided|off|click)|zero[- ]shot|single[- ](?:class|scale|click|shot|pass)|at least one|every single"
    r"|(?:the|these|those|between|of) two(?= (?:models|runs|trainings|thresholds|plans|data ?sets|are|differ|can|have|do)|[.,;:!?)]|$)"
    r"|double[- ]?(?:check|click)(?:s|ed|ing)?|half[- ]?way|third[- ]part(?:y|ies)|the third (?:step|option|point|question|way|thing)"
    r")"
)


def figures(text: str) -> list[tuple[str, float | None]]:
    """Number words with their values; None where the value is not plain."""
    text = _ORDINARY.sub(" \u241f ", text.lower())
    matches = list(_FIGURE.finditer(text))
    touching = {
        index
        for index, (one, other) in enumerate(itertools.pairwise(matches))
        if _JOINS.fullmatch(text, one.end(), other.start())
    }
    found: list[tuple[str, float | None]] = [(match.group(), None) for match in _POINT.finditer(text)]
    for index, match in enumerate(matches):
        is_alone = index not in touching and index - 1 not in touching
        found.append((match.group(), _value(match["number"]) if match["number"] and is_alone else None))
    return found


def _value(words: str) -> float | None:
    if words in VALUES:
        return VALUES[words]
    tens = next(ten for ten in _TENS if words.startswith(ten))
    return VALUES[tens] + VALUES[words.removeprefix(tens).strip(" -")]
