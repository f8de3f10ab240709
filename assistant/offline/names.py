"""Which data set is meant: registered names however they are typed or translated, and names that nobody registered."""

import re
from dataclasses import dataclass
from functools import lru_cache

from assistant.offline.phrases import MARKS, Found, Vocabulary
from assistant.offline.spelling import is_one_slip_apart

LATIN, HANGUL = "[a-z]+", "[가-힣]+"
TAKEN = "\0"
SEPARATORS = r"[\s_\-./]*"


@dataclass(frozen=True)
class Name:
    """A registered data set and the pattern of all ways to say it."""

    dataset: str
    parts: tuple[tuple[str, ...], ...]
    pattern: re.Pattern[str]


def find_datasets(text: str, *, datasets: list[str], words: Vocabulary) -> list[Found]:
    """Registered data sets named in lower-case text: exactly, in another language, else with one slip."""
    names = [_name(dataset, words=words) for dataset in sorted(set(datasets), key=len, reverse=True) if squash(dataset)]
    found: list[Found] = []
    for name in names:
        for match in name.pattern.finditer(text):
            is_free = all(match.end() <= other.start or other.end <= match.start() for other in found)
            if is_free and _is_meant_as_name(text, match, words=words):
                found.append(Found(match.start(), match.end(), name.dataset))
    return sorted(found, key=lambda name: name.start) or _mistyped(text, names=names)


def nearest(candidate: str, *, datasets: list[str], words: Vocabulary) -> str | None:
    """The one data set that a word from the text can mean: a slip away from the name, or a part that no other name has."""
    squashed = squash(candidate)
    names = [_name(dataset, words=words) for dataset in datasets if squash(dataset)]
    slips = [name.dataset for name in names if len(squashed) >= 4 and is_one_slip_apart(squashed, squash(name.dataset))]
    if len(slips) == 1:
        return slips[0]
    singular = squashed.removesuffix("s")
    having = [
        name.dataset for name in names if any(form in (squashed, singular) for part in name.parts for form in part)
    ]
    return having[0] if len(having) == 1 and not squashed.isdigit() else None


def squash(name: str) -> str:
    return re.sub(r"[\s_\-./]+", "", name.lower())


@lru_cache(maxsize=10_000)
def _name(dataset: str, *, words: Vocabulary) -> Name:
    parts = tuple(_spoken_forms(part, words=words) for part in _parts(dataset.lower(), words=words))
    spoken = SEPARATORS.join("(?:" + "|".join(_form(form) for form in part) + ")" for part in parts)
    whole = _thing_of(squash(dataset), words=words)
    compounds = [_form(form) for form in words.things.get(whole or "", ())]
    typed = SEPARATORS.join(re.escape(c) for c in squash(dataset))
    plural = "(?:'?s)?" if re.search("[a-z]$", dataset.lower()) else ""
    edge_before = r"(?<![a-z0-9])(?<![a-z0-9]_)" if re.match("[a-z0-9]", dataset.lower()) else "(?<![가-힣])"
    edge_after = r"(?![a-z0-9]|[_-](?!data|set)[a-z0-9])"
    pattern = re.compile(f"{edge_before}(?:{'|'.join([typed, spoken, *compounds])}){plural}{edge_after}")
    return Name(dataset, parts, pattern)


def _parts(name: str, *, words: Vocabulary) -> list[str]:
    """phone_screen -> phone, screen; 라인3 -> 라인, 3; 手机屏 -> 手机, 屏."""
    parts: list[str] = []
    for chunk in re.findall(rf"{LATIN}|\d+|{HANGUL}|[\u3400-\u9fff]+|[^\s_\-./\da-z]+?", name):
        while chunk:
            size = len(chunk)
            if not chunk.isascii():
                size = next((n for n in range(size, 0, -1) if _thing_of(chunk[:n], words=words)), size)
            parts.append(chunk[:size])
            chunk = chunk[size:]
    return parts


def _thing_of(word: str, *, words: Vocabulary) -> str | None:
    return next((thing for thing, forms in words.things.items() if word in map(squash, (thing, *forms))), None)


def _spoken_forms(part: str, *, words: Vocabulary) -> tuple[str, ...]:
    thing = _thing_of(part, words=words)
    return (part, *sorted(words.things[thing], key=len, reverse=True)) if thing else (part,)


def _form(form: str) -> str:
    return "".join(r"[\s_-]*" if c == " " else re.escape(c) for c in form)


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


def _mistyped(text: str, *, names: list[Name]) -> list[Found]:
    """Names of six letters (Hangul: three syllables) or more with one slip, as one to three words of the text."""
    tokens = list(re.finditer(r"[a-z0-9]+|[가-힣]+", text))
    for first in range(len(tokens)):
        for last in range(first, min(first + 3, len(tokens))):
            joined = "".join(token[0] for token in tokens[first : last + 1])
            for name in names:
                target = squash(name.dataset)
                end = tokens[last].end()
                if "가" <= target[0] <= "힣" and len(target) >= 3:
                    end -= max(0, len(joined) - len(target))
                    joined = joined[: len(target)]
                elif len(target) < 6 or joined[0] != target[0]:
                    continue
                if (
                    end > tokens[last].start()
                    and abs(len(joined) - len(target)) <= 1
                    and is_one_slip_apart(joined, target)
                ):
                    return [Found(tokens[first].start(), end, name.dataset)]
    return []


def unregistered(original: str, text: str, *, cues: list[Found], words: Vocabulary) -> Found | None:
    """A word that stands where the name of a data set would, as the user wrote it.

    `text` is masked lower-case text with the positions of `original`; `cues` are the phrases understood in it. Looked at: the word
    before "data", the word after "on" or "using", and words that look like an identifier.
    """
    rest = "".join(TAKEN if c in MARKS.values() else c for c in text)
    for cue in cues:
        if cue.value != "ignore" or not text[cue.start].isascii():
            rest = rest[: cue.start] + TAKEN * (cue.end - cue.start) + rest[cue.end :]
    for cue in cues:
        if "dataset" in (cue.value, *cue.also):
            span = _word_before(rest, cue.start, words=words) or _word_after_called(rest, cue.end)
            if span:
                return Found(span[0], span[1], original[span[0] : span[1]])
    for cue in cues:
        if {"on", "inspect", "train"} & {cue.value, *cue.also} and _is_about_data(cues, text):
            span = _word_after(rest, cue.end, words=words)
            if span and (rest[span[0]].isascii() or not {"train"} & {cue.value, *cue.also}):
                return Found(span[0], span[1], original[span[0] : span[1]])
    said = {value for cue in cues for value in (cue.value, *cue.also)}
    for match in re.finditer(r"(?<![가-힣\0])([가-힣][가-힣\w-]+?)(?:으로|로|에서)(?![가-힣])", rest):
        is_name = (
            not _is_no_name(match[1], words=words)
            and match[0] not in words.not_names
            and match[1][-1] not in "용적식대"
        )
        if is_name and not said.isdisjoint({"train", "run_it"}):
            return Found(match.start(1), match.end(1), original[match.start(1) : match.end(1)])
    for match in re.finditer(r"[^\W_]+(?:[_-][^\W_]+)+|(?<![^\W_])[a-z]+\d+(?![^\W_])", rest):
        span = _without_particle(match, words=words)
        if rest[span[0] : span[1]] not in words.not_names:
            return Found(span[0], span[1], original[span[0] : span[1]])
    return None


def _is_about_data(cues: list[Found], text: str) -> bool:
    """Whether what follows "on" can be a data set at all: something is trained or looked at."""
    said = {value for cue in cues for value in (cue.value, *cue.also)}
    return MARKS["model"] in text or not said.isdisjoint({"train", "training", "run_it", "inspect", "change"})


def _word_before(rest: str, position: int, *, words: Vocabulary) -> tuple[int, int] | None:
    """The word before "data", or two if both are Latin ("bottle cap data") or together one thing ("휴대폰 화면 데이터")."""
    start = max(0, position - 40)
    for pattern in (r"([^\W_][\w-]* [^\W\d_]+) ?$", r"([^\W_][\w-]*) ?$"):
        match = re.search(r"(?<!\w)" + pattern, rest[start:position])
        if match is None or _is_no_name(match[1], words=words):
            continue
        if " " not in match[1] or match[1].isascii() or _thing_of(squash(match[1]), words=words):
            return start + match.start(1), start + match.start(1) + len(match[1].rstrip("의的"))
    return None


def _word_after_called(rest: str, position: int) -> tuple[int, int] | None:
    match = re.compile(r"\s*['\"]([^'\"]{1,60})['\"]|\s*(?:called|named)\s+([\w-]+)").match(rest, position)
    return match.span(1 if match[1] else 2) if match else None


def _word_after(rest: str, position: int, *, words: Vocabulary) -> tuple[int, int] | None:
    match = re.compile(r"\s*(?:the |my |our )?['\"]?([^\W\d_][\w-]*)").match(rest, position)
    if match is None or _is_no_name(match[1], words=words) or re.match(HANGUL, match[1]):  # Korean names stand before
        return None
    return _without_particle(match, words=words, group=1)


def _without_particle(match: re.Match[str], *, words: Vocabulary, group: int = 0) -> tuple[int, int]:
    """Without the Korean particle that follows the name."""
    start, end = match.span(group)
    for particle in words.particles:
        if match[group].endswith(particle) and len(match[group]) > len(particle) + 1:
            return start, end - len(particle)
    return start, end


def _is_no_name(word: str, *, words: Vocabulary) -> bool:
    return any(piece in words.not_names for piece in (word, *word.split())) or len(word) < 2
