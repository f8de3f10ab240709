"""A data set that nobody registered: the word that stands where its name would, so that the tool can say what there is instead."""

import re
from collections.abc import Set

from assistant.offline.examples import is_said_in_examples
from assistant.offline.phrases import ALL_MARKS, MARKS, Found, Vocabulary

MANNER = "용적식대"  # ends words such as 전체적 and 검사용, which say how
TAKEN = "\0"  # overwrites what was understood; the rest may hold a name
Span = tuple[int, int]


def unregistered(original: str, text: str, *, cues: list[Found], words: Vocabulary) -> Found | None:
    """The likeliest name, as the user wrote it. Things of the trade are read by names.py; here only codes and words that can be nothing
    else: beside a word for data, after a preposition, written as names are.

    `text` is masked lower-case text with the positions of `original`; `cues` are the phrases understood in it.
    """
    if any(deed.value == "rename" for deed in words.deeds.find(text)):  # then the new name is one that nobody has yet
        return None
    rest = _not_understood(text, cues=cues)
    said = frozenset(value for cue in cues for value in (cue.value, *cue.also))
    span = (
        _beside_a_word_for_data(rest, text, cues=cues, words=words)
        or _after_a_preposition(rest, cues=cues, words=words, can_be=MARKS["model"] in text or _is_about_data(said))
        or _identifier(rest, words=words)
    )
    return Found(*span, original[span[0] : span[1]]) if span and not is_said_in_examples(rest[slice(*span)]) else None


def unknown_model(original: str, text: str, *, cues: list[Found], words: Vocabulary) -> Found | None:
    """The word that stands where a model's name would, beside a data set that is known: "train X on oled", X로 oled 학습,
    用X训练oled. Only where that is plain; arguments as those of `unregistered`."""
    said = frozenset(value for cue in cues for value in (cue.value, *cue.also))
    if said.isdisjoint({"train", "run_it"}):
        return None
    rest, data = _not_understood(text, cues=cues), MARKS["dataset"]
    for cue in cues:
        if "train" not in (cue.value, *cue.also):
            continue
        match = re.compile(
            r"\s+(?:an? )?([a-z][a-z0-9]*(?:[-_][a-z0-9]+)*)(?: model)?\s+on\s+(?:the |my |our )?" + data
        ).match(text, cue.end)
        is_free = match is not None and TAKEN not in rest[match.start(1) : match.end(1)]
        if match and is_free and not _is_plain_english(match[1], words=words):
            return Found(*match.span(1), original[match.start(1) : match.end(1)])
    pattern = rf"(?<![가-힣a-z0-9\0_-])([가-힣a-z][가-힣\w-]+?)(?:으로|로)(?![가-힣])(?=\s+{data}|\s*\0|\s*$)"
    for match in re.finditer(pattern, _with_data(rest, text)):
        is_manner = match[0] in words.not_names or match[1][-1] in MANNER
        if not is_manner and not _is_no_name(match[1], words=words):
            return Found(*match.span(1), original[match.start(1) : match.end(1)])
    match = re.search(
        r"(?:用|使用)\s*([a-z][a-z0-9_-]{2,}|[\u4e00-\u9fff]{1,5}[网流])\s*(?:来|去|模型|网络)?\s*(?:对|把|在)?\s*(?:训|"
        + data
        + ")",
        text,
    )
    if match and TAKEN not in rest[match.start(1) : match.end(1)] and not _is_no_name(match[1], words=words):
        return Found(*match.span(1), original[match.start(1) : match.end(1)])
    return None


def _is_plain_english(word: str, *, words: Vocabulary) -> bool:
    return (
        _is_no_name(word, words=words) or word in words.ordinary or word in words.words or word.endswith(("ly", "ing"))
    )


def _not_understood(text: str, *, cues: list[Found]) -> str:
    """The text with everything overwritten that was recognised."""
    rest = "".join(TAKEN if c in ALL_MARKS else c for c in text)
    for cue in cues:
        if cue.value != "ignore" or not text[cue.start].isascii():
            rest = rest[: cue.start] + TAKEN * (cue.end - cue.start) + rest[cue.end :]
    return rest


def _with_data(rest: str, text: str) -> str:
    """The marks of data sets put back."""
    return "".join(mark if mark == MARKS["dataset"] else c for c, mark in zip(rest, text, strict=True))


def _is_about_data(said: Set[str]) -> bool:
    """Whether what follows "on" can be a data set at all: something is trained or looked at."""
    return not said.isdisjoint({"train", "training", "run_it", "inspect", "change"})


def _beside_a_word_for_data(rest: str, text: str, *, cues: list[Found], words: Vocabulary) -> Span | None:
    """bottle_caps data, 병뚜껑 데이터로, OLED数据, data set called bottle_caps."""
    for cue in cues:
        if "dataset" in (cue.value, *cue.also) and re.match("data|set|데이터|数据", text[cue.start : cue.end]):
            span = _word_before(rest, text, cue, words=words) or _word_after_called(rest, cue.end)
            if span:
                return span
    return None


def _word_before(rest: str, text: str, cue: Found, *, words: Vocabulary) -> Span | None:
    """The word before "data", or two if both are Latin ("bottle cap data"); a Korean one only where the data are an object: 부품 데이터로."""
    start = max(0, cue.start - 40)
    for pattern in (r"([a-z][a-z0-9-]* [a-z][a-z0-9-]*) ?$", r"([a-z][a-z0-9_-]+|[가-힣][가-힣0-9]+) ?$"):
        match = re.search(r"(?<![a-z0-9가-힣_])" + pattern, rest[start : cue.start])
        if match is None or any(_is_plain_english(word, words=words) for word in match[1].split()):
            continue
        if match[1].isascii() or re.compile("셋?(?:으로|로|에|를)").match(text, cue.end):
            return start + match.start(1), start + match.start(1) + len(match[1].rstrip("의"))
    return None


def _after_a_preposition(rest: str, *, cues: list[Found], words: Vocabulary, can_be: bool) -> Span | None:
    """on bottle_caps, check bottle_caps, 用bottle_caps."""
    for cue in cues:
        match = re.compile(r"\s*(?:the |my |our )?['\"]?([a-z][a-z0-9_-]{2,})").match(rest, cue.end)
        is_cued = "on" in (cue.value, *cue.also) or (match and "inspect" in (cue.value, *cue.also) and "_" in match[1])
        if can_be and match and is_cued and not _is_plain_english(match[1], words=words):
            return match.span(1)
    return None


def _identifier(rest: str, *, words: Vocabulary) -> Span | None:
    """bolt_v2."""
    for match in re.finditer(r"(?<![a-z0-9])[a-z0-9]+(?:_[a-z0-9]+)+(?![a-z0-9])", rest):
        if not _is_no_name(match[0], words=words):
            return match.span()
    return None


def _word_after_called(rest: str, position: int) -> Span | None:
    match = re.compile(r"\s*['\"]([^'\"]{1,60})['\"]|\s*(?:called|named)\s+([\w-]+)").match(rest, position)
    return match.span(1 if match[1] else 2) if match else None


def _is_no_name(word: str, *, words: Vocabulary) -> bool:
    pieces = (word, *re.split(r"[\s-]", word))
    is_said_of_things = any(piece in words.numbers or re.fullmatch("[a-z]{3,}est", piece) for piece in pieces)
    return any(piece in words.not_names for piece in pieces) or is_said_of_things or len(word) < 2
