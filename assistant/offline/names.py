"""Which registered data set is meant, however its name is typed, translated or shortened, and which names mean none that is registered.

A name is cut into parts: things of the trade in any language, other words, numbers, codes ("panel_line3": panel, line, 3). A text speaks of
a data set by its whole name, by that with one slip, or by some of its parts ("line three", 3호기, 三号线). Parts that two data sets have, a
number or code that none has ("line 4", "the m8 screws" for m6_screws) and another thing of the trade where a name stands ("the tablet
screens") stay as they were written: they name nothing that is registered, and it is for the caller to ask.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import cached_property, lru_cache

from assistant.offline.language import lower
from assistant.offline.number_words import one_number_word, value_of_words
from assistant.offline.phrases import Found, Vocabulary
from assistant.offline.spelling import is_one_slip_apart
from assistant.offline.things import Keys, squash, things

LATIN, HANGUL, HAN = "[a-z]+", "[가-힣]+", "[\u3400-\u9fff]+"
CODE = r"(?<![a-z])[a-z]\d+"
SEPARATORS = r"[\s_\-./]*"
BETWEEN_PARTS = re.compile(r"[\s_\-./]*(?:의|的|호|号|번|条|'s|那个|这个|那)?[\s_\-./]*")
BETWEEN_GROUPS = re.compile(r"(?:\s*(?:of|from|on|in|the|,|的|의))*\s*")
MOST_CHOICES = 4
SURE_SHORTENING = 4  # letters of "flex" in "flexible"
MOST_NUMBER = 100  # above that a number beside a thing is one of a setting
SIZES = frozenset({"ml", "mm", "inch"})
ENDINGS = "이면만도"  # of Korean words, beside what they mean alone


@dataclass(frozen=True)
class Name:
    """A registered data set, what each part of its name can be called, which parts are no things, what it is called as well, and its
    name in lower case."""

    dataset: str
    parts: tuple[Keys, ...]
    codes: Keys
    also: Keys
    lower: str

    @property
    def known(self) -> Keys:
        return self.also.union(*self.parts)

    @cached_property
    def squashed(self) -> str:
        return squash(self.lower)

    @cached_property
    def written(self) -> re.Pattern[str]:
        """The name as it is typed. Compiled when a text first has its characters: most texts have those of no name."""
        typed = SEPARATORS.join(re.escape(c) for c in self.squashed)
        plural = "(?:'?s)?" if re.search("[a-z]$", self.lower) else ""
        # Latin letters end at Latin letters only: in 磁瓦patchcore the name ends before the p
        before = (
            r"(?:(?<![a-z0-9])(?<![a-z0-9]_)|(?=[^a-z0-9]))" if re.match("[a-z0-9]", self.lower) else "(?<![가-힣])"
        )
        after = r"(?:(?![a-z0-9]|[_-](?!data|set)[a-z0-9])|(?<=[^\x00-\x7f])(?=[a-z]))"
        return re.compile(f"{before}{typed}{plural}{after}")

    def has_number(self) -> bool:
        return any(re.search(r"\d", key) for part in self.parts for key in part)


@dataclass(frozen=True)
class Token:
    """text[start:end] says parts of names: one of `keys`. `whole`: it is all of this name."""

    start: int
    end: int
    keys: tuple[Keys, ...]
    whole: Name | None = None


def find_datasets(text: str, *, datasets: Sequence[str], words: Vocabulary) -> list[Found]:
    """What lower-case text says of data sets, in its order. The value is a registered name, else the text itself: then no single
    registered one is meant."""
    text = text.translate(words.traditional)
    names = _names(tuple(datasets), words=words)
    whole = _whole(text, names=names, words=words) or _mistyped(text, names=names)
    defects = [each for each in words.defects.find(text) if not any(each.value in name.known for name in names)]
    taken = [*whole, *(Token(each.start, each.end, ()) for each in (*words.models.find(text), *defects))]
    tokens = [*whole, *(each for each in _parts_said(text, names=names, words=words) if not _overlaps(each, taken))]
    tokens += _numbers_said(text, tokens, names=names, words=words)
    groups = _groups(text, tokens)
    named = (_named(text, group, names=names, words=words) for group in _joined(text, groups, names=names))
    found = [each for each in named if each]
    registered = [each for each in found if each.value in datasets]
    return [each for each in found if each in registered or not registered or re.search(r"\d", each.value)]


def nearest(named: str, *, datasets: Sequence[str], words: Vocabulary) -> list[str]:
    """Registered names, the most alike first: those that have parts of `named`; if fewer than two have, then all."""
    text = named.lower().translate(words.traditional)
    names = _names(tuple(datasets), words=words)
    keys = {key for token in _parts_said(text, names=names, words=words) for keys in token.keys for key in keys}
    alike = {
        each.dataset: (
            sum(not part.isdisjoint(keys) for part in each.parts),
            SequenceMatcher(None, squash(named), squash(each.dataset)).ratio(),
        )
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


@lru_cache(maxsize=64)
def _names(datasets: tuple[str, ...], *, words: Vocabulary) -> tuple[Name, ...]:
    """The longest first."""
    return tuple(_name(each, words=words) for each in sorted(set(datasets), key=len, reverse=True) if squash(each))


@lru_cache(maxsize=10_000)
def _name(dataset: str, *, words: Vocabulary) -> Name:
    name = lower(dataset).translate(words.traditional)
    parts = [_part(chunk) for chunk in _chunks(name)]
    codes = frozenset(chunk for chunk in _chunks(name) if chunk not in things().keys)
    also = {other for part in parts for key in part for other in things().also.get(key, ())}
    if any(key.isdecimal() for part in parts for key in part):  # "the 65 inch ones", 3호기
        also |= SIZES
    for line in re.findall(r"(?<![a-z])l(\d+)(?!\d)", name):
        also |= {"line", str(int(line))}
    return Name(dataset, tuple(parts), codes, frozenset(also), name)


def _chunks(name: str) -> list[str]:
    """phone_screen -> phone, screen; 라인3 -> 라인, 3; oled_a2 -> oled, a2; 手机屏 -> 手机, 屏; waferedge -> wafer, edge."""
    known, chunks = things().keys, list[str]()
    for chunk in re.findall(rf"{CODE}|{LATIN}|\d+|{HANGUL}|{HAN}|[^\s_\-./\da-z]+?", name):
        while chunk:
            size = next((n for n in range(len(chunk), 1, -1) if chunk[:n] in known), len(chunk))
            if chunk.isascii() and size < len(chunk) and chunk[size:] not in known:
                size = len(chunk)  # "capture" is no cap
            chunks.append(chunk[:size])
            chunk = chunk[size:]
    return chunks


def _part(chunk: str) -> Keys:
    """All that a part of a name may be called: the keys of its things, else itself; a number without leading zeros."""
    return frozenset().union(*things().keys.get(chunk, (frozenset({str(int(chunk)) if chunk.isdecimal() else chunk}),)))


def _whole(text: str, *, names: Sequence[Name], words: Vocabulary) -> list[Token]:
    found, squashed = list[Token](), squash(text)
    typed = [each for each in names if each.squashed in squashed]
    for name, match in ((each, match) for each in typed for match in each.written.finditer(text)):
        token = Token(match.start(), match.end(), (name.known,), name)
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
    """Things of the trade, and other words and codes that names have."""
    found, position, after = list[Token](), 0, 0
    own = frozenset(key for name in names for key in name.codes if key in text)
    others = _other_words(own, words=words)
    while position < len(text):
        thing, other = things().table.match(text, position), others.match(text, position)
        if other and (thing is None or other.end() > thing.end):
            found.append(Token(position, other.end(), (frozenset({_shortened(other[0], own=own)}),)))
        elif thing and _is_a_word(text, thing, begins=position == after, words=words):
            found.append(Token(position, thing.end, tuple(frozenset(v.split()) for v in (thing.value, *thing.also))))
        if found and found[-1].end > position:
            position = after = found[-1].end
        else:
            position += 1
    return found


@lru_cache(maxsize=64)
def _other_words(own: Keys, *, words: Vocabulary) -> re.Pattern[str]:
    """Parts of names that are no things and no numbers, and what is plainly longer for one of them."""
    known = words.words | words.not_names
    keys = [key for key in own if len(key) > 1 and not key.isdecimal() and key not in known]
    keys = [key for key in keys if not _is_a_cue(key, words=words)]
    latin = [
        key + ("[a-z]{0,6}" if len(key) >= SURE_SHORTENING and key.isalpha() else "") for key in keys if key.isascii()
    ]
    foreign = [re.escape(key) for key in keys if not key.isascii()]
    patterns = [rf"(?<![a-z0-9])(?:{'|'.join(latin)})(?![a-z0-9])"] if latin else []
    return re.compile("|".join([*patterns, *foreign]) or "(?!)")


def _is_a_cue(word: str, *, words: Vocabulary) -> bool:
    cue = words.cues.match(word, 0)
    return cue is not None and cue.end == len(word)


def _shortened(word: str, *, own: Keys) -> str:
    """The part of a name that a word is, or is longer for: flexible for flex."""
    return word if word in own else max((key for key in own if word.startswith(key)), key=len, default=word)


def _is_a_word(text: str, found: Found, *, begins: bool, words: Vocabulary) -> bool:
    """Whether a thing stands as a word of its own: Hangul among Hangul only beside other things, 병 but not 병합. `begins`: another
    thing ends where it begins."""
    if not "가" <= text[found.end - 1] <= "힣":
        return True
    goes_on = things().table.match(text, found.end) or _hangul_end(words).match(text, found.end)
    begins = begins or not "가" <= text[found.start - 1 : found.start] <= "힣"
    before = "[번호일이삼사오육칠팔구십백]$" if found.value in things().numbered else "[번호]$"
    return bool(goes_on) and (begins or re.search(before, text[: found.start]) is not None)


@lru_cache
def _hangul_end(words: Vocabulary) -> re.Pattern[str]:
    """Where a Hangul word ends: at another letter, or with a particle or a word for data after it."""
    after = "|".join(map(re.escape, [*words.particles, *words.after_a_name]))
    return re.compile(rf"(?=(?:{after}){{0,3}}(?![가-힣]))")


def _numbers_said(text: str, tokens: Sequence[Token], *, names: Sequence[Name], words: Vocabulary) -> list[Token]:
    """Numbers and codes that belong to a thing ("line three", 3号线, "m8 screws") or say one alone (3호기, 65 inch)."""
    before, after, alone, code_before, code_after = _number_patterns(words)
    found: list[Token] = []
    for token in tokens:
        if token.whole:
            continue
        first, last = before.search(text, max(0, token.start - 12), token.start), after.match(text, token.end)
        if last and (_counts(text, last.end(), words=words) or _begins_a_word(text, last)):
            last = None
        if first and first[0].strip(" -") == first[1] and _is_counting(text, token, first[1], names=names):
            first = None
        for match in (last, first):
            key = _number(match[1]) if match else None
            if match and key and _is_of_a_name(match[1], key, token, names=names):
                found.append(Token(*match.span(1), (frozenset({key}),)))
                break
        for match in (
            code_after.match(text, token.end),
            code_before.search(text, max(0, token.start - 8), token.start),
        ):
            if match and _is_another_code(match[1], token, names=names):
                found.append(Token(*match.span(1), (frozenset({match[1]}),)))
    for match in alone.finditer(text):
        key = _number(match["machine"] or match["size"])
        is_one = match["machine"] or any(key in each.known for each in names)
        token = Token(*match.span(), (frozenset({key} if key else ()),))
        if key and is_one and not _overlaps(token, [*found, *tokens]):
            found.append(token)
    return [each for each in found if not _overlaps(each, tokens)]


def _begins_a_word(text: str, number: re.Match[str]) -> bool:
    """The 一 of 一共, the 이 of 이미지."""
    if re.fullmatch("[가-힣]", number[1]):
        return True
    return (
        not number[1].isascii()
        and re.compile("(?![号线寸毫条批])[\u3400-\u9fff]").match(text, number.end()) is not None
    )


def _is_counting(text: str, token: Token, number: str, *, names: Sequence[Name]) -> bool:
    """ "3 bottles" are counted, 이 라인 is this line; not the 65 of "65 tvs" where tv_65 is registered."""
    has_number = any(keys & things().numbered for keys in token.keys)
    is_known = any(_number(number) in name.known for name in names)
    return bool(re.fullmatch("[가-힣]", number)) or (text[token.start].isascii() and not has_number and not is_known)


def _is_of_a_name(said: str, key: str, token: Token, *, names: Sequence[Name]) -> bool:
    """Whether a number beside a thing is one of a name: the thing has numbers, or a name that has the thing has this number or another."""
    if any(keys & things().numbered for keys in token.keys):
        return True
    having = [name for name in names if any(keys <= name.known for keys in token.keys)]
    is_code = len(said) > 1 and said.startswith("0")  # 0402
    return any(key in name.known or (name.has_number() and (is_code or int(key) < MOST_NUMBER)) for name in having)


def _is_another_code(code: str, token: Token, *, names: Sequence[Name]) -> bool:
    """m8 beside "screws" where m6_screws is registered."""
    having = [name for name in names if any(keys <= name.known for keys in token.keys)]
    return code[0] != "r" and any(name.has_number() and code not in name.known for name in having)


@lru_cache
def _number_patterns(words: Vocabulary) -> tuple[re.Pattern[str], ...]:
    """A number before a thing, after one, of a machine or a size alone, a code before a thing and after one; the group holds it."""
    word = one_number_word("en")
    number = rf"(?:\d{{1,4}}|(?:{word})(?:-?(?:{word})){{0,3}})"
    machine, size = ("|".join(map(re.escape, counters)) for counters in (words.machines, words.sizes))
    edge = "(?<![a-z0-9.가-힣])"
    return (
        re.compile(rf"{edge}({number})[\s-]?(?:(?:호|번째|번|号|条|th|rd|nd|st)\s?)?\Z"),
        re.compile(rf"[\s_\-#]*(?:no\.?|number|第|제)?\s*({number})(?![a-z0-9%]|\.\d)"),
        re.compile(rf"{edge}(?:(?P<machine>{number})\s?(?:{machine})|(?P<size>{number})[\s-]?(?:{size}))"),
        re.compile(r"(?<![a-z0-9])([a-z]\d{1,4})\s?(?:那个|这个|那|的)?\s?\Z"),
        re.compile(r"[\s_-]?([a-z]\d{1,4})(?![a-z0-9])"),
    )


def _number(said: str) -> str | None:
    value = float(said) if said.isdecimal() else value_of_words(said, language="en")
    return None if value is None or not value.is_integer() else str(int(value))


def _counts(text: str, position: int, *, words: Vocabulary) -> bool:
    """Whether the number before this position counts something, or is the value of a setting."""
    start = len(text) - len(text[position:].lstrip(" -"))
    unit = words.units.match(text, start)
    return bool(unit and unit.value not in ("none", "ordinal")) or words.setting_names.match(text, start) is not None


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


def _joined(text: str, groups: Sequence[list[Token]], *, names: Sequence[Name]) -> list[list[Token]]:
    """Two groups as one that together say more of just one name: "the boards of line 4"."""
    joined: list[list[Token]] = []
    for group in groups:
        last = joined[-1] if joined else []
        near = last and BETWEEN_GROUPS.fullmatch(text, last[-1].end, group[0].start)
        is_number = all(keys <= things().numbered or _is_number(token) for token in group for keys in token.keys)
        says_one = near and (len(_meant([*last, *group], names=names)) == 1 or (is_number and len(group) > 1))
        if says_one and not last[-1].whole:
            joined[-1] = [*last, *group]
        else:
            joined.append(group)
    return joined


def _meant(tokens: Sequence[Token], *, names: Sequence[Name]) -> list[Name]:
    """The names of which the tokens say most, and nothing else than what these can be called."""
    hits = {name.dataset: len(said) for name in names if (said := _said_of(name, tokens)) is not None}
    exact = [name for name in names if hits.get(name.dataset) == len(name.parts)]
    most = max(hits.values(), default=0)
    return exact or [name for name in names if hits.get(name.dataset) == most]


def _said_of(name: Name, tokens: Sequence[Token]) -> set[int] | None:
    """Which parts of the name the tokens say; None where one of them says something else."""
    said, fitting = set[int](), False
    for token in tokens:
        fits = [keys for keys in token.keys if keys <= name.known]
        if not fits and not _is_generic(token):
            return None
        fitting = fitting or bool(fits)
        hit = [{n for n, part in enumerate(name.parts) if part & keys} for keys in fits]
        said |= max(hit, key=len, default=set())
    return said if fitting else None


def _is_generic(token: Token) -> bool:
    return all(keys <= things().generic for keys in token.keys)


def _named(text: str, group: Sequence[Token], *, names: Sequence[Name], words: Vocabulary) -> Found | None:
    """What the tokens name, if they name anything."""
    said = Token(group[0].start, group[-1].end, ())
    meant = _meant(group, names=names)
    if (whole := group[-1].whole) and len(whole.parts) > 1:
        return Found(group[-1].start, said.end, whole.dataset)
    if whole:  # but "flex oled" is not oled
        return Found(said.start, said.end, _only(meant) or text[said.start : said.end])
    if not meant and (kept := _without_loose(text, group)) != group:
        return _named(text, kept, names=names, words=words) if kept else None
    is_telling = not all(map(_is_generic, group))
    if _is_counted(text, said, words=words, by=("judged",) if is_telling else ("judged", "number")):
        return None
    described = None if is_telling else _described(text, said.start, words=words)
    if described is not None:
        said = Token(described, said.end, ())
    stands = _stands_as_name(text, said, words=words, is_plain=not is_telling)
    if not is_telling and not (meant and stands):
        return None
    if meant and not _can_be_meant(text, group, stands=stands, meant=meant, words=words):
        return None
    if not meant and not _can_be_another(text, group, names=names, words=words):
        return None
    return Found(said.start, said.end, (_only(meant) if described is None else None) or text[said.start : said.end])


def _only(meant: Sequence[Name]) -> str | None:
    return meant[0].dataset if len(meant) == 1 else None


def _can_be_meant(text: str, group: Sequence[Token], *, stands: bool, meant: Sequence[Name], words: Vocabulary) -> bool:
    """Whether a word that a registered name has is said of it."""
    first = group[0]
    if all(keys <= things().numbered for token in group for keys in token.keys):  # "waiting in line"
        return False
    if len(group) > 1:
        return True
    if _is_loose(text, first):
        is_first = first.start == 0 and text[0] not in words.not_names
        return stands and (is_first or any(len(each.parts) == 1 for each in meant))
    if _is_weak(first) and not _is_plural(text, first) and not stands:
        return False
    return stands or not _means_something_else(text, first, words=words)


def _can_be_another(text: str, group: Sequence[Token], *, names: Sequence[Name], words: Vocabulary) -> bool:
    """Whether what no registered name has is a name: it stands where one does, or has the thing of one with another number."""
    said = Token(group[0].start, group[-1].end, ())
    of_things = [token for token in group if not _is_number(token)]
    is_something_else = len(group) == 1 and _means_something_else(text, said, words=words)
    if is_something_else or text[said.start : said.end] in words.not_names:
        return False
    stands = _stands_as_name(text, said, words=words, is_plain=True)
    if all(_is_loose(text, token) for token in group) or all(
        keys <= SIZES for token in of_things for keys in token.keys
    ):
        return stands and not of_things
    shares = any(_said_of(name, [token]) for name in names for token in group)
    if _is_numbered(group, names=names) or (shares and len(group) > 1):
        return True
    tells = any(not _is_loose(text, token) and not _is_weak(token) for token in group)
    return stands and (tells or (len(group) > 1 and any(map(_is_generic, group))))


def _is_loose(text: str, token: Token) -> bool:
    """A thing in one syllable: 磁 in 磁盘, 면, 이."""
    return token.end - token.start == 1 and text[token.start] >= "\u3400" and not _is_number(token)


def _without_loose(text: str, group: Sequence[Token]) -> list[Token]:
    """Without things in one syllable that touch no other, and without what such a syllable tells of the thing before it: 盖子红彤彤."""
    ends, starts = {token.end for token in group}, {token.start for token in group}
    kept = [token for token in group if not _is_loose(text, token) or token.start in ends or token.end in starts]
    while len(kept) > 1 and _is_loose(text, kept[-1]):
        tells = not _is_weak(kept[-1]) or _is_generic(kept[-1])
        if tells and text[kept[-1].start] not in ENDINGS:
            break
        kept.pop()
    return kept


def _is_weak(token: Token) -> bool:
    """A single word that names no data set alone."""
    weak = things().ordinary | things().numbered | things().generic
    return all(len(keys) == 1 and keys <= weak for keys in token.keys)


def _is_plural(text: str, token: Token) -> bool:
    """Things in the plural are things: "the phones", not "on my phone"."""
    said = text[token.start : token.end]
    return said.isascii() and said.endswith("s") and frozenset({said}) not in token.keys


def _is_number(token: Token) -> bool:
    return all(re.search(r"\d", key) for keys in token.keys for key in keys)


def _is_numbered(group: Sequence[Token], *, names: Sequence[Name]) -> bool:
    """Whether a number or code stands beside something that a name has."""
    keys = {key for token in group for keys in token.keys for key in keys}
    return any(re.search(r"\d", key) for key in keys) and any(keys & each.known for each in names)


def _is_counted(text: str, token: Token, *, words: Vocabulary, by: Collection[str]) -> bool:
    """ "200 good panels", 五十片好屏: things are counted or judged, no data set is named."""
    match = words.counted.search(text, max(0, token.start - 30), token.start)
    said = " ".join(name for name in ("number", "judged") if match and match[name])
    return any(each in said for each in by)


def _stands_as_name(text: str, token: Token, *, words: Vocabulary, is_plain: bool) -> bool:
    """Whether a name can stand there: after "on", beside a model, before a word for data or a particle. Defects are "in the glass", too: a
    plain word needs more than that."""
    window = (text, max(0, token.start - 30), token.start)
    if words.before_name.search(*window) or words.after_name.match(text, token.end):
        return True
    if _is_beside_a_model(text, token, words=words):
        return True
    return not is_plain and words.before_thing.search(*window) is not None


def _is_beside_a_model(text: str, token: Token, *, words: Vocabulary) -> bool:
    after = len(text) - len(text[token.end :].lstrip(" ,:"))
    before = len(text[: token.start].rstrip(" ,:"))
    starts = range(max(0, before - 20), before)
    return words.models.match(text, after) is not None or any(
        (found := words.models.match(text, at)) and found.end == before for at in starts
    )


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


def _mistyped(text: str, *, names: Sequence[Name]) -> list[Token]:
    """Names of six letters (Hangul: three syllables) or more with one slip, as one to three words of the text."""
    tokens = list(re.finditer(r"[a-z0-9]+|[가-힣]+", text))
    for first in range(len(tokens)):
        for last in range(first, min(first + 3, len(tokens))):
            joined = "".join(token[0] for token in tokens[first : last + 1])
            if joined in things().keys:  # capsules are no slip of capsule_a
                continue
            for name in names:
                target = name.squashed
                end = tokens[last].end()
                if "가" <= target[0] <= "힣" and len(target) >= 3:
                    end -= max(0, len(joined) - len(target))
                    joined = joined[: len(target)]
                elif len(target) < 6 or joined[0] != target[0]:
                    continue
                is_near = end > tokens[last].start() and abs(len(joined) - len(target)) <= 1
                if is_near and _digits(joined) == _digits(target) and is_one_slip_apart(joined, target):
                    return [Token(tokens[first].start(), end, (name.known,), name)]
    return []


def _digits(text: str) -> str:
    """Line 2 is no slip of line 5, nor of a line without a number."""
    return re.sub(r"\D", "", text)
