"""Which registered data set is meant, however its name is typed or translated."""

import re
from dataclasses import dataclass
from functools import lru_cache

from assistant.offline.phrases import Found, Vocabulary
from assistant.offline.spelling import is_one_slip_apart

LATIN, HANGUL = "[a-z]+", "[가-힣]+"
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


@lru_cache(maxsize=10_000)
def squash(name: str) -> str:
    return re.sub(r"[\s_\-./]+", "", name.lower())


@lru_cache(maxsize=10_000)
def _name(dataset: str, *, words: Vocabulary) -> Name:
    parts = tuple(_spoken_forms(part, words=words) for part in _parts(dataset.lower(), words=words))
    spoken = SEPARATORS.join("(?:" + "|".join(_form(form) for form in part) + ")" for part in parts)
    whole = thing_of(squash(dataset), words=words)
    compounds = [_form(form) for form in words.things.get(whole or "", ())]
    typed = SEPARATORS.join(re.escape(c) for c in squash(dataset))
    plural = "(?:'?s)?" if re.search("[a-z]$", dataset.lower()) else ""
    # Latin letters end at Latin letters only: in 磁瓦patchcore the name ends before the p
    is_latin = re.match("[a-z0-9]", dataset.lower())
    edge_before = r"(?:(?<![a-z0-9])(?<![a-z0-9]_)|(?=[^a-z0-9]))" if is_latin else "(?<![가-힣])"
    edge_after = r"(?:(?![a-z0-9]|[_-](?!data|set)[a-z0-9])|(?<=[^\x00-\x7f])(?=[a-z]))"
    pattern = re.compile(f"{edge_before}(?:{'|'.join([typed, spoken, *compounds])}){plural}{edge_after}")
    return Name(dataset, parts, pattern)


def _parts(name: str, *, words: Vocabulary) -> list[str]:
    """phone_screen -> phone, screen; 라인3 -> 라인, 3; 手机屏 -> 手机, 屏."""
    parts: list[str] = []
    for chunk in re.findall(rf"{LATIN}|\d+|{HANGUL}|[\u3400-\u9fff]+|[^\s_\-./\da-z]+?", name):
        while chunk:
            size = len(chunk)
            if not chunk.isascii():
                size = next((n for n in range(size, 0, -1) if thing_of(chunk[:n], words=words)), size)
            parts.append(chunk[:size])
            chunk = chunk[size:]
    return parts


def thing_of(word: str, *, words: Vocabulary) -> str | None:
    return next((thing for thing, forms in words.things.items() if word in map(squash, (thing, *forms))), None)


def _spoken_forms(part: str, *, words: Vocabulary) -> tuple[str, ...]:
    thing = thing_of(part, words=words)
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
