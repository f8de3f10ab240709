"""Questions back: what is asked where two intents are near each other, or where a data set is named that nobody registered.

A choice says what a person would say for it: an example of its intent, with the names that were meant put in place of the example's.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from assistant.data.names import looks_like_path
from assistant.offline.examples import Example, examples
from assistant.offline.language import lower, normalise
from assistant.offline.names import find_datasets, nearest
from assistant.offline.phrases import vocabulary
from assistant.offline.references import is_bare
from assistant.state import Choice, Question, Request
from assistant.tools import traits
from engine.contract.jobs import every_model
from prompts.languages import Language
from prompts.page_texts import page_texts

MOST = 4
WHAT_IT_IS = ("task", "dataset", "model")  # arguments of a plan that say themselves what they are


def which_intent(requests: Sequence[Request], *, language: Language) -> Question | None:
    """Which of these is meant; None where fewer than two can be said."""
    choices = [Choice(says, request) for request in requests if (says := said_as(request, language=language))]
    return Question("which_intent", tuple(choices[:MOST])) if len(choices) > 1 else None


def unknown_name(requests: Sequence[Request], *, datasets: Sequence[str], language: Language) -> Question | None:
    """Which data set is meant, where one is named that is not registered; None where all are, or there is none at all."""
    for request in requests:
        named = request.arguments.get("dataset")
        if named is None or named in datasets or not datasets or looks_like_path(named):
            continue
        asked = replace(
            request, arguments={name: value for name, value in request.arguments.items() if name != "dataset"}
        )
        choices = tuple(
            Choice(near, replace(request, arguments=request.arguments | {"dataset": near}))
            for near in nearest(named, datasets=datasets, words=vocabulary(language))
        )
        return Question("which_dataset", choices, asked=asked, missing="dataset", named=named)
    return None


def named_choice(question: Question | None, text: str, *, language: Language) -> Request | None:
    """What a person chose by a part of a name that one choice alone has ("the old ones"), saying nothing else."""
    choices = {each.says: each.request for each in question.choices} if question is not None else {}
    typed = lower(normalise(text))
    found = find_datasets(typed, datasets=list(choices), words=vocabulary(language))
    meant = {each.value: (each.start, each.end) for each in found if each.value in choices} or _by_a_word(
        typed, choices
    )
    if len(meant) != 1:
        return None
    ((name, (start, end)),) = meant.items()
    return choices[name] if is_bare(f"{typed[:start]} {typed[end:]}", language, choosing=True) else None


def _by_a_word(text: str, choices: Collection[str]) -> dict[str, tuple[int, int]]:
    """The choices that have a word of the text in their names, and where it stands."""
    said = [(match[0], match.span()) for match in re.finditer(r"[^\W\d_]+", text)]
    return {name: span for name in choices for word, span in said if word in _words_of(name)}


def _words_of(name: str) -> list[str]:
    return re.findall(r"[a-z]+|[^\W\da-z_]+", lower(name))


def said_as(request: Request, *, language: Language) -> str | None:
    """How a person would ask for this: the example that is nearest to it, with its names; of a plan what it shall have."""
    if request.tool is not None and traits(request.tool).plans and request.arguments:
        return ", ".join(_shown(name, value, language=language) for name, value in request.arguments.items())
    kept = [
        each
        for each in _of_intent(request.tool or request.intent, language)
        if all(_names(each.text, name, value) for name, value in each.arguments.items())
        and each.arguments.keys() <= request.arguments.keys()
    ]
    if not kept:
        return None
    best = max(kept, key=lambda each: len(each.arguments))
    text = best.text
    for name, value in best.arguments.items():
        text = _put(text, str(value), str(request.arguments[name]))
    return text


def _shown(name: str, value: Any, *, language: Language) -> str:
    texts, model = page_texts(language), every_model().get(str(value))
    if name in WHAT_IT_IS:
        return model.title if model is not None else str(texts.get(f"choice.{name}.{value}", value))
    return f"{texts.get(f'setting.{name}', name)} {texts.get(f'choice.{name}.{value}', value)}"


@cache
def _of_intent(intent: str, language: Language) -> list[Example]:
    return [each for each in examples() if each.intent == intent and each.language == language]


def _names(text: str, name: str, value: Any) -> bool:
    """Whether the argument is a name that stands in the text, so that another can take its place."""
    return name in ("run", "dataset", "proposal") and _standing(str(value), text) is not None


def _put(text: str, old: str, new: str) -> str:
    found = _standing(old, text)
    assert found is not None
    return text[: found.start()] + new + text[found.end() :]


def _standing(name: str, text: str) -> re.Match[str] | None:
    """Where a name stands as a word of its own."""
    return re.search(rf"(?<![A-Za-z0-9_]){re.escape(name)}(?![A-Za-z0-9_])", text, re.IGNORECASE)
