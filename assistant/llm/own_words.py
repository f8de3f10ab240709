"""Whether a text is made of nothing but words that claim nothing: what an LLM may say of its own between our sentences.

First its words: they stand in prompts/own_words/, known names go with them, and what holds any other is not let through. None gives a
figure, counts, compares or judges by itself. But some do so together (a run and `missed defects`, a thing and what it can do), so some
have roles besides, and no clause may join roles in which a claim could be made. Both err to the side of holding back.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from assistant.llm.figures import figures_of
from assistant.llm.reading import LETTERS, readings
from assistant.llm.restating import RUN as RUN_NAME
from prompts.languages import LANGUAGES

FOLDER = Path(__file__).resolve().parents[2] / "prompts" / "own_words"

ROLES = (
    "asked", "asking", "copulas", "persons", "of_persons", "things", "verbs", "relative", "here",
    "choosing", "pointing", "left_to_you", "clearing", "working", "joining", "between", "beside",
    "production", "defects", "topics", "seeing", "offering", "learners", "finding", "why", "supposing", "meant", "determining", "leading",
)  # fmt: skip
# Stand where a known name, that of a run, a whole phrase, or one that tells of misses, alarms or what was not measured stood.
NAME, RUN, PHRASE, OUTCOME = "\ue000", "\ue001", "\ue002", "\ue003"
_PLACED = NAME + RUN + PHRASE + OUTCOME
# What may stand between words: signs that join no figure, compare nothing and open no tag, link or code.
_BETWEEN = re.compile(
    r"[\s.,:;!?()'\"\u2018\u2019\u201c\u201d\u2026\u2013\u2014\-/|*_#\u3001\u3002\uff0c\uff1a\uff1b\uff01\uff1f\u00b7\u300c\u300d\u300a\u300b\uff08\uff09]+"
)
_CLAUSE_END = re.compile(r"([.,:;!?\u2026\u2013\u2014|\n\u3002]+)")
_VALUE = re.compile(r"[:|]\s*[-/\u2013\u2014]")  # a dash where a figure is expected: none
_HAN = "\u3400-\u9fff"
_HANGUL = "\uac00-\ud7a3"
_SUBJECT = re.compile(f"{RUN}(?:은|는|이|가|도|만)")


@dataclass(frozen=True)
class Words:
    """The words of all our languages: an answer may mix them, as people do. `roles` are those that no clause may join just as it likes,
    by the name they have in prompts/own_words/; a language that has no words for one needs none (its file says why)."""

    latin: frozenset[str]
    han: frozenset[str]
    hangul: frozenset[str]  # whole words
    beginnings: tuple[tuple[frozenset[str], frozenset[str]], ...]  # of Korean words, each with what they may end in
    roles: Mapping[str, frozenset[str]]
    phrases: re.Pattern[str]
    openings: re.Pattern[str]  # phrases that only begin a clause
    outcomes: re.Pattern[str]


def are_own_words(text: str, names: Set[str] = frozenset()) -> bool:
    """Whether the text, read with its Markdown marks and without them, holds words of its own and these names (lower case) alone."""
    return all(_are_own(reading.lower(), names) for reading in readings(text))


def _are_own(text: str, names: Set[str]) -> bool:
    text = re.sub(r"^\s*>+", "", _without_names(text, names))
    text = _words().outcomes.sub(OUTCOME, text)
    clauses = _CLAUSE_END.split(text)  # clauses and their ends in turn
    return (
        _VALUE.search(text) is None
        and not _says_whose_outcome(text)
        and all(_claims_nothing(clause, end) for clause, end in zip(clauses[::2], [*clauses[1::2], ""], strict=True))
    )


def _without_names(text: str, names: Set[str]) -> str:
    """The text with a mark in place of every known name that stands on its own; a Latin name ends at Latin letters and digits only.
    A name that holds a figure by itself, such as 0.97, could be read as one: it is none of these words."""
    there = sorted((name for name in names if name and name in text and not figures_of(name)), key=len, reverse=True)
    for name in there:
        before = r"(?<![a-z0-9_.])" if re.match("[a-z0-9]", name) else ""
        after = r"(?![a-z0-9_]|\.\d)" if re.search("[a-z0-9]$", name) else ""
        text = re.sub(f"{before}{re.escape(name)}{after}", RUN if RUN_NAME.fullmatch(name) else NAME, text)
    return text


def _claims_nothing(clause: str, end: str) -> bool:
    """Whether one clause, which stops with this end, is made of own words that claim nothing together either."""
    opened = _words().openings.sub(PHRASE + " ", clause)
    plain, said = _parts(clause), _parts(_words().phrases.sub(PHRASE, opened))
    if "?" in end and _asks(plain):
        return all(_is_own(word, asked=True) for word in said) and not (
            _has_a_claim_within(said) or _takes_for_granted(plain)
        )
    return all(_is_own(word, asked=False) for word in said) and not (
        _says_what_a_thing_does(said)
        or _says_what_it_is(said)
        or _stand_together(said, "choosing", "pointing", NAME, RUN)
        or _stand_together(said, "clearing", "working", NAME)
        or _stand_together(said, "clearing", "production", NAME)
        or _is_about_a_run(said)
        or _tells_of_defects(said, plain, end)
        or _is_a_bare_answer(said, end)
    )


def _parts(clause: str) -> list[str]:
    return [word for word in _BETWEEN.split(clause) if word]


def _asks(said: Sequence[str]) -> bool:
    """Whether it begins as a question does in English, or holds a word that makes it one elsewhere."""
    begins = said[:1] != [] and said[0] in _role("asking")
    return begins or any(not word.isascii() and _holds(word, "asking") for word in said)


def _has_a_claim_within(said: Sequence[str]) -> bool:
    """Whether an English question has a verb of a statement after its own: did you see that r2 is the one."""
    return any(
        word in _role("copulas") and said[at - 1] not in _role("persons") for at, word in enumerate(said) if at > 3
    )


def _takes_for_granted(said: Sequence[str]) -> bool:
    """Whether a question takes a miss or a choice for granted: which defects did r2 find, what if r2 is the one, why is it slower."""
    persons, verbs = _role("persons"), _role("copulas") | _role("of_persons")
    of_others = [at for at, word in enumerate(said) if word in verbs and not persons & {*said[at + 1 : at + 2]}]
    of_learners = any(_is_a_learner_beside(said, at) for at in of_others) and not _role("meant") & {*said}
    supposed = [at for at in of_others if _role("supposing") & {*said[:at]} and said[at - 1] not in persons]
    text = " ".join(said)
    has_defects = OUTCOME in text or any(_holds(word, "defects") for word in said)
    about_result = RUN in text or has_defects
    is_offer = any(_holds(word, "persons") for word in said)
    return (
        of_learners
        or bool(supposed)
        or (RUN in text and bool(of_others) and not _role("meant") & {*said})
        or (RUN in text and not is_offer and (has_defects or any(_holds(word, "finding") for word in said)))
        or bool(of_others and any(word in _role("finding") for word in said))
        or ((about_result or bool(of_others)) and any(_holds(word, "why") for word in said))
        or (RUN in text and any(_holds(word, "production") for word in said))
        or (not said[0].isascii() and (_is_about_a_run(said) or any(_doing_things().search(word) for word in said)))
    )


def _is_a_learner_beside(said: Sequence[str], verb: int) -> bool:
    """Whether the verb there has a run, a model or a training right before it, or after it and a word or two that point at one."""
    after = [word for word in said[verb + 1 : verb + 4] if word not in _role("determining")]
    pointed = next((word for word in after if word not in _role("pointing") - _role("learners")), "")
    return any(RUN in word or word in _role("learners") for word in (*said[max(verb - 1, 0) : verb], pointed))


def _says_whose_outcome(text: str) -> bool:
    """Whether misses, alarms or what was not measured are told together with a run, another name, a defect, or one another. To show
    those of a run may be offered."""
    said = _parts(text)
    return OUTCOME in text and (
        text.count(OUTCOME) > 1
        or NAME in text
        or (RUN in text and not _offers_to_show(text, said))
        or any(_holds(word, "defects") or _holds(word, "learners") for word in said)
    )


def _offers_to_show(text: str, said: Sequence[str]) -> bool:
    """Whether it begins as an offer does in English (would you), or holds the words of one elsewhere, those of a run behind it."""
    is_english = said[0] in _role("offering") and bool(_role("persons") & {*said[1:2]})
    holds_it = any(not word.isascii() and _holds(word, "offering") for word in said)
    return "?" in text and (is_english or (holds_it and text.index(RUN) < text.index(OUTCOME)))


def _tells_of_defects(said: Sequence[str], plain: Sequence[str], end: str) -> bool:
    """Whether defects are said to be there: named neither in the heading of what follows, nor as what is asked about or to be shown."""
    are_named = any(OUTCOME in word or _holds(word, "defects") for word in said)
    is_heading = ":" in end and not any(word in _role("seeing") for word in said)
    is_topic = not any(RUN in word for word in said) and any(_holds(word, "topics") for word in plain)
    return are_named and not is_heading and not is_topic


def _says_what_a_thing_does(said: Sequence[str]) -> bool:
    """Whether a thing can, will or should do something, or does it; or somebody just can, which is an answer."""
    able, persons, things = _role("of_persons"), _role("persons"), _role("things")
    for at, word in enumerate(said):
        before = said[at - 1] if at else ""
        if word in able and (before not in persons | able or at + 1 == len(said)):
            return True
        if (
            word in _role("verbs")
            and before in things
            and not _role("relative") & {*said[:at]}
            and PHRASE not in said[:at]
        ):
            return True
    joined = [word for word in said if not word.isascii()]
    if any(_doing_things().search(word) for word in joined):
        return True
    ends = tuple(each for each in able if not each.isascii())
    return joined[-1:] == [*said[-1:]] != [] and said[-1].endswith(ends) and not _holds(said[-1], "relative")


@cache
def _doing_things() -> re.Pattern[str]:
    """A Chinese thing with its verb right behind it, at the beginning of what is said."""
    things, verbs = ("|".join(each for each in _role(role) if not each.isascii()) for role in ("things", "verbs"))
    return re.compile(f"^(?:{things})(?:{verbs})")


def _says_what_it_is(said: Sequence[str]) -> bool:
    """Whether it says in Korean of something what it is, and not just what is shown here."""
    states = bool(said) and said[-1].endswith("입니다")
    return states and any(re.search("[은는이가]$", word) and word not in _role("here") for word in said[:-1])


def _stand_together(said: Sequence[str], one: str, other: str, *names: str) -> bool:
    """Whether words of two roles stand in one clause, or of the first and such a name, unless it is left to the person."""
    firsts = [at for at, word in enumerate(said) if _holds(word, one) and not _is_left_to_you(said, at)]
    return bool(firsts) and any(_holds(word, other) or any(name in word for name in names) for word in said)


def _is_left_to_you(said: Sequence[str], at: int) -> bool:
    """Whether the word there is what the person wishes: in English, after which and a person."""
    before = {*said[:at]}
    is_english = bool(_role("left_to_you") & before and _role("persons") & before)
    return is_english or any(not word.isascii() and _holds(word, "left_to_you") for word in said)


def _is_about_a_run(said: Sequence[str]) -> bool:
    """Whether a run does something, or is set beside another."""
    text = " ".join(said)
    first, *after = text.split(RUN)
    return (
        _SUBJECT.search(text) is not None
        or bool(after and not first and after[0] and not _begins(after[0], "joining", f"[{_HANGUL}]"))
        or any(not _begins(rest, "between") for rest in after[:-1])
    )


def _begins(rest: str, role: str, also: str = r"\b\B") -> bool:
    """Whether what follows a name begins with a word of this role."""
    rest = rest.lstrip()
    return re.match(also, rest) is not None or any(
        re.match(rf"{each}(?![a-z])", rest) is not None for each in _role(role)
    )


def _is_a_bare_answer(said: Sequence[str], end: str) -> bool:
    """Whether names, or words that point at something, are all that is said: r2, the first one. Before a colon they are a heading."""
    left = " ".join(said)
    is_run = RUN in left
    if ":" in end or not (is_run or ("," not in end and any(_holds(word, "pointing") for word in said))):
        return False
    for word in sorted(_role("pointing") | _role("beside") | {RUN, NAME}, key=len, reverse=True):
        left = re.sub(rf"(?<![a-z]){word}(?![a-z])", "", left)
    return not left.strip()


def _role(name: str) -> frozenset[str]:
    return _words().roles[name]


def _holds(word: str, role: str) -> bool:
    """Whether it is a word of this role, or holds one in Korean or Chinese, where they are not set apart."""
    words = _role(role)
    return word in words or (not word.isascii() and any(each in word for each in words if not each.isascii()))


def _is_own(word: str, *, asked: bool) -> bool:
    """One word between blanks and stops; a Chinese one is a whole clause."""
    words = _words()
    if set(word) <= {*_PLACED}:
        return True
    if re.search(f"[{_HANGUL}]", word):
        return word in words.hangul or any(
            (word[:cut] in firsts or set(word[:cut]) <= {*_PLACED}) and word[cut:] in lasts
            for firsts, lasts in words.beginnings
            for cut in range(1, len(word) + 1)
        )
    if re.search(f"[{_HAN}]", word):
        return _is_made_of(word, words.han | _role("asked") if asked else words.han)
    return word in words.latin or (asked and word in _role("asked"))


def _is_made_of(text: str, words: Set[str]) -> bool:
    """Whether the text can be cut into these words, marks of names and phrases among them."""
    longest = max(map(len, words))
    ends = {0}
    for start in range(len(text)):
        if start in ends:
            ends |= {start + 1} if text[start] in _PLACED else set()
            ends |= {start + size for size in range(1, longest + 1) if text[start : start + size] in words}
    return len(text) in ends


@cache
def _words() -> Words:
    read = {each: tomllib.loads((FOLDER / f"{each}.toml").read_text(encoding="utf-8")) for each in LANGUAGES}
    english, korean, chinese = read["en"], read["ko"], read["zh"]

    nouns = frozenset(korean["nouns"].split())
    return Words(
        latin=frozenset([*english["words"].split(), *english["of_persons"].split()]),
        han=frozenset(
            [
                *chinese["words"].split(),
                *_listed(chinese["phrases"]),
                *(who + does for who in chinese["persons"].split() for does in chinese["of_persons"].split()),
            ]
        ),
        hangul=frozenset(korean["forms"].split()),
        beginnings=(
            (nouns, frozenset(["", *korean["particles"].split(), *korean["doing"].split()])),
            (frozenset(korean["stems"].split()), frozenset(["", *korean["endings"].split()])),
        ),
        roles={
            role: frozenset(word for each in read.values() for word in each.get(role, "").split()) for role in ROLES
        },
        phrases=_any_of(phrase for each in (english, korean) for phrase in _listed(each["phrases"])),
        openings=_at_the_beginning(_listed(english["openings"]), english["leading"].split()),
        outcomes=_any_of(phrase for each in read.values() for phrase in _listed(each["outcomes"])),
    )


def _listed(phrases: str) -> list[str]:
    return [phrase.strip() for phrase in re.split(r"[;\n]", phrases) if phrase.strip()]


def _any_of(phrases: Iterable[str]) -> re.Pattern[str]:
    """Any of these on its own, the longest first."""
    return re.compile(f"(?:{'|'.join(_alone(phrase) for phrase in sorted(phrases, key=len, reverse=True))})")


def _at_the_beginning(phrases: Iterable[str], leading: Iterable[str]) -> re.Pattern[str]:
    """Any of these where a clause begins, or after words that lead to it: and now."""
    return re.compile(rf"^[\W_]*(?:(?:{'|'.join(leading)})\s+)*{_any_of(phrases).pattern}")


def _alone(phrase: str) -> str:
    written = r"\s+".join(map(re.escape, phrase.split()))
    if re.search(f"[{_HAN}]", phrase):
        return written  # Chinese words are not set apart
    return rf"(?<![{LETTERS}\d_]){written}(?![a-z\d_])"
