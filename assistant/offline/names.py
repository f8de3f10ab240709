"""Which registered data set is meant, however its name is typed, translated or shortened, and which names mean none that is registered.

A name is cut into parts: words of the trade in any language, other words, numbers ("panel_line3": panel, line, 3). A text speaks of a data
set by its whole name, by that with one slip, or by some of its parts ("line three", 3호기, 三号线). Parts that two data sets have, a number
that none has ("line 4") and another thing of the trade where a name stands ("the tablet screens") stay as they were written: they name
nothing that is registered, and it is for the caller to ask.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from assistant.offline.language import lower
from assistant.offline.numbers import one_number_word, value_of_words
from assistant.offline.phrases import Found, PhraseTable, Vocabulary
from assistant.offline.spelling import is_one_slip_apart

LATIN, HANGUL, HAN = "[a-z]+", "[가-힣]+", "[\u3400-\u9fff]+"
SEPARATORS = r"[\s_\-./]*"
BETWEEN_PARTS = re.compile(r"[\s_\-./]*(?:의|的|호|号|번|条)?[\s_\-./]*")
MOST_CHOICES = 4
SURE_SHORTENING = 4  # letters of "flex" in "flexible"


@dataclass(frozen=True)
class Name:
    """A registered data set, the keys of its parts, and the patterns of its name as it is written and of all other ways to say it."""

    dataset: str
    parts: frozenset[str]
    written: re.Pattern[str]
    spoken: re.Pattern[str]


@dataclass(frozen=True)
class Token:
    """text[start:end] is said of parts of names: `keys`. `whole`: it is all of this name."""

    start: int
    end: int
    keys: frozenset[str]
    whole: Name | None = None


def find_datasets(text: str, *, datasets: Sequence[str], words: Vocabulary) -> list[Found]:
    """What lower-case text says of data sets, in its order. The value is a registered name, else the text itself: then no single
    registered one is meant."""
    names = _names(tuple(datasets), words=words)
    whole = _whole(text, names=names, words=words) or _mistyped(text, names=names, words=words)
    tokens = [*whole, *(each for each in _parts_said(text, names=names, words=words) if not _overlaps(each, whole))]
    tokens += _numbers_said(text, tokens, names=names, words=words)
    found = [_named(text, group, names=names, words=words) for group in _groups(text, tokens)]
    return [each for each in found if each]


def nearest(named: str, *, datasets: Sequence[str], words: Vocabulary) -> list[str]:
    """Registered names, the most alike first: those that have parts of `named`; if fewer than two have, then all."""
    names = _names(tuple(datasets), words=words)
    tokens = _parts_said(named.lower(), names=names, words=words)
    keys = frozenset(key for token in tokens for key in token.keys)
    alike = {
        each.dataset: (len(keys & each.parts), SequenceMatcher(None, squash(named), squash(each.dataset)).ratio())
        for each in names
    }
    ordered = sorted(alike, key=lambda name: alike[name], reverse=True)
    sharing = [name for name in ordered if alike[name][0]]
    return (sharing if len(sharing) > 1 else ordered)[:MOST_CHOICES]


def slip_of(candidate: str, *, datasets: Sequence[str]) -> str | None:
    """The one data set whose name is a slip of the pen away."""
    squashed = squash(candidate)
    slips = [name for name in datasets if len(squashed) >= 4 and is_one_slip_apart(squashed, squash(name))]
    slips = [name for name in slips if _digits(name) == _digits(squashed)]
    return slips[0] if len(slips) == 1 else None


@lru_cache(maxsize=10_000)
def squash(name: str) -> str:
    return re.sub(r"[\s_\-./]+", "", name.lower())


@lru_cache(maxsize=10_000)
def thing_of(word: str, *, words: Vocabulary) -> str | None:
    """The thing of the trade that a word says: bottles, 병 and 瓶子 are a bottle."""
    return _things(words)[1].get(squash(word))


@lru_cache(maxsize=64)
def _names(datasets: tuple[str, ...], *, words: Vocabulary) -> tuple[Name, ...]:
    """The longest first."""
    return tuple(_name(each, words=words) for each in sorted(set(datasets), key=len, reverse=True) if squash(each))


@lru_cache(maxsize=10_000)
def _name(dataset: str, *, words: Vocabulary) -> Name:
    chunks = _chunks(lower(dataset).translate(words.traditional), words=words)
    spoken = SEPARATORS.join("(?:" + "|".join(_forms(chunk, words=words)) + ")" for chunk in chunks)
    whole = thing_of(lower(dataset).translate(words.traditional), words=words)
    compounds = [_form(form, words=words) for form in words.things.get(whole or "", ())]
    typed = SEPARATORS.join(re.escape(c) for c in squash(dataset))
    plural = "(?:'?s)?" if re.search("[a-z]$", dataset.lower()) else ""
    # Latin letters end at Latin letters only: in 磁瓦patchcore the name ends before the p
    is_latin = re.match("[a-z0-9]", dataset.lower())
    edge_before = r"(?:(?<![a-z0-9])(?<![a-z0-9]_)|(?=[^a-z0-9]))" if is_latin else "(?<![가-힣])"
    edge_after = r"(?:(?![a-z0-9]|[_-](?!data|set)[a-z0-9])|(?<=[^\x00-\x7f])(?=[a-z]))"
    patterns = (typed, "|".join([spoken, *compounds]))
    written, said = (re.compile(f"{edge_before}(?:{pattern}){plural}{edge_after}") for pattern in patterns)
    return Name(dataset, frozenset(key for chunk in chunks for key in _keys(chunk, words=words)), written, said)


def _chunks(name: str, *, words: Vocabulary) -> list[str]:
    """phone_screen -> phone, screen; 라인3 -> 라인, 3; oled_a2 -> oled, a2; 手机屏 -> 手机, 屏; waferedge -> wafer, edge."""
    chunks: list[str] = []
    for chunk in re.findall(rf"(?<![a-z])[a-z]\d+|{LATIN}|\d+|{HANGUL}|{HAN}|[^\s_\-./\da-z]+?", name):
        while chunk:
            size = next((n for n in range(len(chunk), 1, -1) if thing_of(chunk[:n], words=words)), len(chunk))
            if chunk.isascii() and size < len(chunk) and not thing_of(chunk[size:], words=words):
                size = len(chunk)  # "capture" is no cap
            chunks.append(chunk[:size])
            chunk = chunk[size:]
    return chunks


def _keys(chunk: str, *, words: Vocabulary) -> list[str]:
    """What a part is known by: the words of the thing, else itself; a number without leading zeros."""
    thing = thing_of(chunk, words=words)
    return thing.split() if thing else [str(int(chunk)) if chunk.isdecimal() else chunk]


def _forms(chunk: str, *, words: Vocabulary) -> list[str]:
    thing = thing_of(chunk, words=words)
    forms = (chunk, *sorted(words.things[thing], key=len, reverse=True)) if thing else (chunk,)
    return [_form(form, words=words) for form in forms]


def _form(form: str, *, words: Vocabulary) -> str:
    """A pattern of the form. Of one Hangul syllable only where a particle or nothing follows it: 병, not 병합."""
    pattern = "".join(r"[\s_-]*" if c == " " else re.escape(c) for c in form)
    return pattern + _hangul_end(words) if re.fullmatch("[가-힣]", form) else pattern


@lru_cache
def _hangul_end(words: Vocabulary) -> str:
    """Where a Hangul word ends: at another letter, or with a particle or a word for data after it."""
    after = "|".join(map(re.escape, [*words.particles, *words.after_a_name]))
    return rf"(?=(?:{after}){{0,3}}(?![가-힣]))"


@lru_cache
def _things(words: Vocabulary) -> tuple[PhraseTable, dict[str, str]]:
    """All forms of all things, to be found in a text, and what each of them is."""
    forms = [(form, thing) for thing, said in words.things.items() for form in (thing, *said)]
    return PhraseTable(forms), {squash(form): thing for form, thing in reversed(forms)}


def _whole(text: str, *, names: Sequence[Name], words: Vocabulary) -> list[Token]:
    found: list[Token] = []
    patterns = [(name, name.written) for name in names] + [(name, name.spoken) for name in names]
    for name, match in ((name, match) for name, pattern in patterns for match in pattern.finditer(text)):
        token = Token(match.start(), match.end(), name.parts, name)
        is_counted = _is_counted(text, token, words=words, by=("number judged",))
        if _is_meant_as_name(text, match, words=words) and not is_counted and not _overlaps(token, found):
            found.append(token)
    return found


def _is_meant_as_name(text: str, match: re.Match[str], *, words: Vocabulary) -> bool:
    """A data set called "test" or "train" is only meant where a name can stand: before a word for data, or after "on"."""
    cue = words.cues.match(match[0], 0)
    if cue is None or cue.end < len(match[0]):
        return True
    if any(text[: match.start()].rstrip().endswith(before) for before in (" on", " on the", "using", "用", "在")):
        return True
    after = len(text) - len(text[match.end() :].lstrip(" _-"))
    follows = words.cues.match(text, after)
    return follows is not None and "dataset" in (follows.value, *follows.also)


def _parts_said(text: str, *, names: Sequence[Name], words: Vocabulary) -> list[Token]:
    """Things of the trade, and other words that names have."""
    things, found, position = _things(words)[0], list[Token](), 0
    others = _other_words(frozenset(key for name in names for key in name.parts), words=words)
    while position < len(text):
        thing, other = things.match(text, position), others.match(text, position)
        if other and (thing is None or other.end() > thing.end):
            found.append(Token(position, other.end(), frozenset({_shortened(other[0], names=names)})))
        elif thing and _is_a_word(text, thing, words=words):
            found.append(Token(position, thing.end, frozenset(thing.value.split())))
        position = found[-1].end if found and found[-1].end > position else position + 1
    return found


@lru_cache(maxsize=64)
def _other_words(keys: frozenset[str], *, words: Vocabulary) -> re.Pattern[str]:
    """Parts of names that are no things and no numbers, and what is plainly longer for one of them."""
    own = [key for key in keys if len(key) > 1 and not key.isdecimal() and key not in words.things]
    own = [
        key for key in own if key not in words.words and key not in words.not_names and not _is_a_cue(key, words=words)
    ]
    latin = [
        key + ("[a-z]{0,6}" if len(key) >= SURE_SHORTENING and key.isalpha() else "") for key in own if key.isascii()
    ]
    foreign = [re.escape(key) for key in own if not key.isascii()]
    patterns = [rf"(?<![a-z0-9])(?:{'|'.join(latin)})(?![a-z0-9])"] if latin else []
    return re.compile("|".join([*patterns, *foreign]) or "(?!)")


def _is_a_cue(word: str, *, words: Vocabulary) -> bool:
    cue = words.cues.match(word, 0)
    return cue is not None and cue.end == len(word)


def _shortened(word: str, *, names: Sequence[Name]) -> str:
    """The part of a name that a word is, or is longer for: flexible for flex."""
    keys = {key for name in names for key in name.parts}
    return word if word in keys else max((key for key in keys if word.startswith(key)), key=len, default=word)


def _is_a_word(text: str, found: Found, *, words: Vocabulary) -> bool:
    """Whether a thing stands as a word of its own: Hangul among Hangul only beside other things, 병 but not 병합."""
    if not "가" <= text[found.end - 1] <= "힣":
        return True
    things = _things(words)[0]
    goes_on = things.match(text, found.end) or re.compile(_hangul_end(words)).match(text, found.end)
    before = text[found.start - 1 : found.start]
    begins = not "가" <= before <= "힣" or any(
        things.match(text, at) and things.match(text, at).end == found.start  # type: ignore[union-attr]
        for at in range(max(0, found.start - 5), found.start)
    )
    return bool(goes_on) and (begins or re.search("[번호]$", text[: found.start]) is not None)


def _numbers_said(text: str, tokens: Sequence[Token], *, names: Sequence[Name], words: Vocabulary) -> list[Token]:
    """Numbers that belong to a thing ("line three", 3号线) or say one alone (3호기, 65 inch)."""
    before, after, alone = _number_patterns(words)
    found: list[Token] = []
    for token in tokens:
        first, last = before.search(text, max(0, token.start - 12), token.start), after.match(text, token.end)
        if last and (_counts(text, last.end(), words=words) or re.fullmatch("[가-힣]", last[1])):
            last = None
        if first and first[0] == first[1] and (text[token.start].isascii() or re.fullmatch("[가-힣]", first[1])):
            first = None  # "3 bottles" are counted, 이 라인 is this line
        for match in (last, first):
            key = _number(match[1]) if match and token.whole is None else None
            known = any(token.keys & each.parts and key in each.parts for each in names)
            if match and key and (token.keys & words.numbered or known):
                found.append(Token(*match.span(1), frozenset({key})))
                break
    for match in alone.finditer(text):
        key = _number(match["machine"] or match["size"])
        is_one = match["machine"] or any(key in each.parts for each in names)
        token = Token(*match.span(), frozenset({key} if key else ()))
        if key and is_one and not _overlaps(token, [*found, *tokens]):
            found.append(token)
    return found


@lru_cache
def _number_patterns(words: Vocabulary) -> tuple[re.Pattern[str], re.Pattern[str], re.Pattern[str]]:
    """A number before a thing, after one, and of a machine or a size alone; the group holds it."""
    number = rf"(?:\d{{1,4}}|(?:{one_number_word('en')}){{1,4}})"
    machine, size = ("|".join(map(re.escape, counters)) for counters in (words.machines, words.sizes))
    edge = "(?<![a-z0-9.가-힣])"
    return (
        re.compile(rf"{edge}({number})(?:(?:호|번째|번|号|条|th|rd|nd|st)\s?)?\Z"),
        re.compile(rf"[\s_\-#]*(?:no\.?|number|第|제)?\s*({number})(?![a-z0-9%]|\.\d)"),
        re.compile(rf"{edge}(?:(?P<machine>{number})\s?(?:{machine})|(?P<size>{number})[\s-]?(?:{size}))"),
    )


def _number(said: str) -> str | None:
    value = float(said) if said.isdecimal() else value_of_words(said, language="en")
    return None if value is None or not value.is_integer() else str(int(value))


def _counts(text: str, position: int, *, words: Vocabulary) -> bool:
    """Whether the number before this position counts something, or is the value of a setting."""
    start = len(text) - len(text[position:].lstrip(" -"))
    unit = words.units.match(text, start)
    return bool(unit and unit.value != "none") or words.setting_names.match(text, start) is not None


def _groups(text: str, tokens: Sequence[Token]) -> list[list[Token]]:
    """Tokens that make one name: nothing stands between them, and just one is a whole name."""
    groups: list[list[Token]] = []
    for token in sorted(tokens, key=lambda token: token.start):
        last = groups[-1] if groups else []
        joins = last and BETWEEN_PARTS.fullmatch(text, last[-1].end, token.start)
        if joins and not last[-1].whole:
            last.append(token)
        else:
            groups.append([token])
    return groups


def _named(text: str, group: Sequence[Token], *, names: Sequence[Name], words: Vocabulary) -> Found | None:
    """What the tokens name, if they name anything."""
    start, end, keys = group[0].start, group[-1].end, frozenset(key for token in group for key in token.keys)
    said = Token(start, end, keys)
    if whole := group[-1].whole:
        others = [each for each in names if keys <= each.parts | words.generic]
        if not keys - words.generic - whole.parts:
            return Found(group[-1].start, end, whole.dataset)
        return Found(start, end, others[0].dataset if len(others) == 1 else text[start:end])
    telling = keys - words.generic
    is_syllable = len(group) == 1 and end - start == 1 and not text[start].isascii()  # 磁 in 磁盘
    if is_syllable or not keys - words.ordinary_things - words.numbered:
        return None
    meant = [each for each in names if keys <= each.parts]
    if telling and not all(map(str.isdecimal, telling)):
        meant = meant or [each for each in names if telling <= each.parts]
    exact = [each for each in meant if each.parts == keys]
    meant = exact if len(exact) == 1 else meant
    if _is_counted(text, said, words=words, by=("judged", "number") if not telling else ("judged",)):
        return None
    described = None if telling else _described(text, start, words=words)
    said = Token(start if described is None else described, end, keys)
    stands = _stands_as_name(text, said, words=words, is_plain=not telling)
    if described is not None or not telling:
        if not meant or not stands:
            return None
        if described is not None:
            return Found(described, end, text[described:end])
    is_numbered = any(key.isdecimal() for key in keys) and any(keys & each.parts for each in names)
    is_another_word = len(group) == 1 and _means_something_else(text, said, words=words)
    if not stands and (is_another_word or not (meant or is_numbered)):
        return None
    return Found(start, end, meant[0].dataset if len(meant) == 1 else text[start:end])


def _is_counted(text: str, token: Token, *, words: Vocabulary, by: Collection[str]) -> bool:
    """ "200 good panels", 五十片好屏: things are counted or judged, no data set is named."""
    match = words.counted.search(text, max(0, token.start - 30), token.start)
    said = " ".join(name for name in ("number", "judged") if match and match[name])
    return any(each in said for each in by)


def _stands_as_name(text: str, token: Token, *, words: Vocabulary, is_plain: bool) -> bool:
    """Whether a name can stand there: after "on", before a word for data or a particle. Defects are "in the glass", too: a plain word needs
    more than that."""
    window = (text, max(0, token.start - 30), token.start)
    if words.before_name.search(*window) or words.after_name.match(text, token.end):
        return True
    return not is_plain and words.before_thing.search(*window) is not None


def _described(text: str, start: int, *, words: Vocabulary) -> int | None:
    """Where a word begins that tells a thing from others, as in "curved screens"; None if there is none."""
    match = re.compile(r"(?<![^\W_])([a-z]{4,}|[가-힣]{2,})[\s-]$").search(text, max(0, start - 20), start)
    if match is None:
        return None
    word = match[1]
    known = word in words.not_names or word in words.ordinary or word in words.words or words.cues.match(word, 0)
    is_particled = any(word.endswith(particle) for particle in words.particles) or word[-1] in "는은한된간던할"
    return None if known or is_particled else match.start(1)


def _means_something_else(text: str, token: Token, *, words: Vocabulary) -> bool:
    """Whether the word is one of ours beside: a type of defect, a setting, a cue."""
    tables = (words.defects, words.setting_names, words.cues)
    return any((found := table.match(text, token.start)) and found.end >= token.end for table in tables)


def _overlaps(token: Token, others: Collection[Token]) -> bool:
    return any(token.start < other.end and other.start < token.end for other in others)


def _mistyped(text: str, *, names: Sequence[Name], words: Vocabulary) -> list[Token]:
    """Names of six letters (Hangul: three syllables) or more with one slip, as one to three words of the text."""
    tokens = list(re.finditer(r"[a-z0-9]+|[가-힣]+", text))
    for first in range(len(tokens)):
        for last in range(first, min(first + 3, len(tokens))):
            joined = "".join(token[0] for token in tokens[first : last + 1])
            if thing_of(joined, words=words):  # capsules are no slip of capsule_a
                continue
            for name in names:
                target = squash(name.dataset)
                end = tokens[last].end()
                if "가" <= target[0] <= "힣" and len(target) >= 3:
                    end -= max(0, len(joined) - len(target))
                    joined = joined[: len(target)]
                elif len(target) < 6 or joined[0] != target[0]:
                    continue
                is_near = end > tokens[last].start() and abs(len(joined) - len(target)) <= 1
                if is_near and _digits(joined) == _digits(target) and is_one_slip_apart(joined, target):
                    return [Token(tokens[first].start(), end, name.parts, name)]
    return []


def _digits(text: str) -> str:
    """Line 2 is no slip of line 5, nor of a line without a number."""
    return re.sub(r"\D", "", text)
