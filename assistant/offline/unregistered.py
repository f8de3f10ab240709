"""A data set that nobody registered: the word that stands where its name would, so that the tool can say what there is instead."""

import re
from collections.abc import Set

from assistant.offline.examples import is_said_in_examples
from assistant.offline.language import detect_language
from assistant.offline.phrases import MARKS, Found, Vocabulary
from assistant.offline.things import squash, things

MANNER = "용적식대"  # ends words such as 전체적 and 검사용, which say how
TAKEN = "\0"  # overwrites what was understood; the rest may hold a name
Span = tuple[int, int]


def unregistered(original: str, text: str, *, cues: list[Found], words: Vocabulary) -> Found | None:
    """The likeliest name, as the user wrote it.

    `text` is masked lower-case text with the positions of `original`; `cues` are the phrases understood in it.
    """
    rest = _not_understood(text, cues=cues)
    said = frozenset(value for cue in cues for value in (cue.value, *cue.also))
    span = (
        _beside_a_word_for_data(rest, cues=cues, words=words)
        or _after_a_preposition(rest, cues=cues, words=words, can_be=MARKS["model"] in text or _is_about_data(said))
        or _before_a_particle(rest, said=said, words=words)
        or (_latin_among_others(rest, said=said, words=words) if detect_language(original) != "en" else None)
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
    rest = "".join(TAKEN if c in MARKS.values() else c for c in text)
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


def _beside_a_word_for_data(rest: str, *, cues: list[Found], words: Vocabulary) -> Span | None:
    """bottle_caps data, 병뚜껑 데이터, 瓶盖数据, data set called bottle_caps."""
    for cue in cues:
        if "dataset" in (cue.value, *cue.also):
            span = _word_before(rest, cue.start, words=words) or _word_after_called(rest, cue.end)
            if span:
                return span
    return None


def _after_a_preposition(rest: str, *, cues: list[Found], words: Vocabulary, can_be: bool) -> Span | None:
    """on bottle_caps, 用瓶盖, check bottle_caps. Korean names stand before their particle instead."""
    for cue in cues:
        said = {cue.value, *cue.also}
        match = re.compile(r"\s*(?:the |my |our )?['\"]?([^\W\d_][\w-]*)").match(rest, cue.end)
        if not can_be or match is None or said.isdisjoint({"on", "inspect", "train"}):
            continue
        is_verb_object = "train" in said and not match[1].isascii()
        if not (_is_no_name(match[1], words=words) or is_verb_object or "가" <= match[1][0] <= "힣"):
            return _without_particle(match, words=words, group=1)
    return None


def _before_a_particle(rest: str, *, said: Set[str], words: Vocabulary) -> Span | None:
    """병뚜껑으로 학습해줘."""
    if said.isdisjoint({"train", "run_it"}):
        return None
    for match in re.finditer(r"(?<![가-힣\0\d])([가-힣][가-힣\w-]+?)(?:으로|(?<!으)로|에서)(?![가-힣])", rest):
        is_manner = match[0] in words.not_names or match[1][-1] in MANNER
        if not is_manner and not _is_no_name(match[1], words=words):
            return match.span(1)
    return None


def _latin_among_others(rest: str, *, said: Set[str], words: Vocabulary) -> Span | None:
    """A Latin word that means nothing else in a Korean or Chinese sentence about training: 用PatchCore训练OLED."""
    if said.isdisjoint({"train", "training", "run_it"}) or {"status", "runs"} & said:
        return None
    for match in re.finditer(r"(?<![a-z0-9_])[a-z][a-z0-9_-]{2,}", rest):
        if match[0] not in words.not_names:
            return match.span()
    return None


def _identifier(rest: str, *, words: Vocabulary) -> Span | None:
    """bolt_v2, lot7."""
    for match in re.finditer(r"[^\W_]+(?:[_-][^\W_]+)+|(?<![^\W_])[a-z]+\d+(?![^\W_])", rest):
        start, end = _without_particle(match, words=words)
        if not _is_no_name(rest[start:end], words=words):
            return start, end
    return None


def _word_before(rest: str, position: int, *, words: Vocabulary) -> Span | None:
    """The word before "data", or two if both are Latin ("bottle cap data") or together one thing ("휴대폰 화면 데이터")."""
    start = max(0, position - 40)
    for pattern in (r"([^\W_][\w-]* [^\W\d_]+) ?$", r"([^\W_][\w-]*) ?$"):
        match = re.search(r"(?<!\w)" + pattern, rest[start:position])
        if match is None or _is_no_name(match[1], words=words):
            continue
        if " " not in match[1] or match[1].isascii() or squash(match[1]) in things().keys:
            return start + match.start(1), start + match.start(1) + len(match[1].rstrip("의的"))
    return None


def _word_after_called(rest: str, position: int) -> Span | None:
    match = re.compile(r"\s*['\"]([^'\"]{1,60})['\"]|\s*(?:called|named)\s+([\w-]+)").match(rest, position)
    return match.span(1 if match[1] else 2) if match else None


def _without_particle(match: re.Match[str], *, words: Vocabulary, group: int = 0) -> Span:
    """Without the Korean particle that follows the name."""
    start, end = match.span(group)
    for particle in words.particles:
        if match[group].endswith(particle) and len(match[group]) > len(particle) + 1:
            return start, end - len(particle)
    return start, end


def _is_no_name(word: str, *, words: Vocabulary) -> bool:
    pieces = (word, *re.split(r"[\s-]", word))
    is_said_of_things = any(piece in words.numbers or re.fullmatch("[a-z]{3,}est", piece) for piece in pieces)
    return any(piece in words.not_names for piece in pieces) or is_said_of_things or len(word) < 2
