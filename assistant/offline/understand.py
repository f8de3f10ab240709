"""From a sentence in English, Korean or Chinese to the requests in it: no network, no key, no language model.

Names and numbers are recognised by rules (recognise.py); what is asked for is learned from examples (learned.py), and so is whether that is
several things (splitting.py); the arguments are built from what stands in a request's own part of the sentence (arguments.py). Where two intents are near each other, or
a name is unknown, it is asked back. What the built-in assistant answers is not decided here.
"""

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

from assistant.offline.answers import is_question
from assistant.offline.arguments import arguments_said, first, given
from assistant.offline.choices import unknown_name, which_intent
from assistant.offline.language import detect_language, lower
from assistant.offline.learned import Learned, learned
from assistant.offline.phrases import Found
from assistant.offline.reading import Reading
from assistant.offline.recognise import recognise, spans
from assistant.offline.references import is_bare, likened, said_as_reasons
from assistant.offline.requests import Understood
from assistant.offline.settings import Setting
from assistant.offline.splitting import FEWEST_LETTERS, Part, own_letters, parts_of
from assistant.offline.values import ENSEMBLE
from assistant.state import Choice, Question, Request
from assistant.tools import planner, schema_of, tool_names, traits
from prompts.languages import Language

NEAR = 0.1  # a lead below this is asked about
IN_DOUBT = 0.7  # and so is a lead of what is done over what leaves all as it is, or only asks about it
LEAVES, ASKS_ABOUT = "not_yet", ("ask_about_change", "ask_about_stop")
UNDOES = "undo_change"


def understand(
    text: str,
    *,
    datasets: Sequence[str],
    language: Language | None = None,
    home: Path | None = None,
    plan: Mapping[str, Any] | None = None,
    changed: Sequence[str] = (),
) -> Understood:
    """What a text asks for.

    Args:
        datasets: names of the registered data sets.
        language: where a word has two meanings, the one in this language holds; by default the language of the text.
        home: where what was learned is kept, if it cannot be kept beside the program.
        plan: model and settings of the open plan, which "half the image size" is a half of.
        changed: the settings that its last change chose: "no wait, 256" is about one of them.
    """
    language = language or detect_language(text)
    reading = recognise(text, datasets=list(datasets), language=language, plan=plan, changed=changed)
    if not reading.text.strip():
        return Understood()
    model_run = None if is_question(text) else _model_run(reading)
    if model_run is not None:
        reading = reading.without([(model_run.start, model_run.end)])
    taught = learned(home)
    parts = parts_of(reading, taught)
    requests = _handed_on([each for part in parts for each in _requests_of(part, taught)])
    if model_run is not None:
        requests = _like(requests, model_run.value, reading, taught)
    least = min(parts, key=lambda part: part.margin)
    margin, second = round(least.margin, 3), least.ranked[1][0]
    heard = Understood(
        tuple(requests),
        left_out=_left_out(reading, requests),
        unused=_unused(reading, requests),
        named=_named(reading) if own_letters(reading) < FEWEST_LETTERS or is_bare(reading.text, language) else {},
        bare=_bare(reading, taught, language=language),
        masked=reading.text,
        unnamed=_unnamed(reading),
        margin=margin,
        second=second,
    )
    if asks := _which_run(parts) or unknown_name(requests, datasets=datasets, language=language):
        return replace(heard, requests=(), asks=asks)
    if margin < NEAR and len(parts) == 1 and model_run is None:
        likely = [intent for intent, score in least.ranked[:3] if least.ranked[0][1] - score < 3 * NEAR]
        if asks := which_intent([_request_for(intent, least.reading, taught) for intent in likely], language=language):
            return replace(heard, requests=(), asks=asks)
    is_in_doubt = len(parts) == 1 and _is_in_doubt(least) and not any(map(_only_tells, requests))
    asks = which_intent([*requests, Request(None, {}, LEAVES)], language=language) if is_in_doubt else None
    return replace(heard, requests=(), asks=asks) if asks is not None else heard


def _only_tells(request: Request) -> bool:
    """Whether it does nothing as it is asked for: "what is the threshold of r4" names none to be set."""
    return request.tool is not None and traits(request.tool).needs_more and request.arguments.keys() <= {"run"}


def _is_in_doubt(part: Part) -> bool:
    """Whether something would be done that may have been negated or only asked about: "don't let it stop", "what if I made it 512?"."""
    if part.intent not in tool_names():
        return False
    does = traits(part.intent).asks_on is not None or traits(part.intent).plans or part.intent == UNDOES
    others = max(score for intent, score in part.ranked if intent in (LEAVES, *ASKS_ABOUT))
    return does and part.ranked[0][1] - others < IN_DOUBT


def _which_run(parts: Sequence[Part]) -> Question | None:
    """Which run is meant, where one of several that a part names is to be stopped or continued: "r3, not r2"."""
    for part in parts:
        ids = dict.fromkeys(each.value for each in part.reading.runs)
        is_act = part.intent in tool_names() and traits(part.intent).asks_on == "card"
        if is_act and len(ids) > 1 and not _are_side_by_side(part.reading.runs, part.reading):
            choices = tuple(Choice(run, Request(part.intent, {"run": run})) for run in ids)
            return Question("which_one", choices, asked=Request(part.intent), missing="run")
    return None


def _takes(intent: str) -> Set[str]:
    return schema_of(intent).keys() if intent in tool_names() else frozenset()


def _unnamed(reading: Reading) -> str:
    letters = list(lower(reading.original))
    for start, end in spans([*reading.datasets, *reading.models, *reading.defects]):
        letters[start:end] = " " * (end - start)
    return "".join(letters)


def _named(reading: Reading) -> dict[str, Any]:
    return given(dataset=first(reading.datasets), model=first(reading.models), run=first(reading.runs))


def _bare(reading: Reading, taught: Learned, *, language: Language) -> Request | None:
    """The plan that is asked for by saying nothing but what it shall have: "with resnet then"."""
    request = _request_for(planner(), reading, taught)
    is_all = is_bare(reading.text, language, choosing=True) and not reading.runs
    return request if is_all and request.arguments.keys() - {"dataset"} else None


def _model_run(reading: Reading) -> Found | None:
    """The run whose settings are meant: "the same as r2"."""
    at = likened(reading.text)
    return next((run for run in reading.runs if at is not None and at[0] <= run.start < at[1]), None)


def _like(requests: Sequence[Request], run: str, reading: Reading, taught: Learned) -> list[Request]:
    """The same requests with a plan among them that takes over the settings of this run."""
    planned = [request for request in requests if _plans(request)] or [_request_for(planner(), reading, taught)]
    others = [each for each in requests if not _plans(each)] if len(requests) > 1 else []
    return [*others, *(replace(each, arguments={**each.arguments, "like": run}) for each in planned)]


def _requests_of(part: Part, taught: Learned) -> list[Request]:
    """What a part asks for: the same of each of the runs, or of the data sets, that are named side by side in it."""
    request = _request_for(part.intent, part.reading, taught)
    if request.tool is None or _plans(request):
        return [request]
    for name, found in ("run", part.reading.runs), ("dataset", part.reading.datasets):
        if name in request.arguments and _are_side_by_side(found, part.reading):
            ids = dict.fromkeys(each.value for each in found)
            return [replace(request, arguments={**request.arguments, name: each}) for each in ids]
    return [request]


def _are_side_by_side(found: Sequence[Found], reading: Reading) -> bool:
    return len(found) > 1 and all(reading.is_joined(one.end, other.start) for one, other in pairwise(found))


def _request_for(intent: str, reading: Reading, taught: Learned) -> Request:
    if intent in tool_names() and traits(intent).plans and not reading.models and len(_ids(reading)) > 1:
        reading = replace(reading, models=[Found(0, 0, ENSEMBLE)])  # several runs can only be put together
    arguments = arguments_said(intent, reading, taught)
    if intent not in tool_names():
        return Request(None, arguments, intent)
    takes = schema_of(intent).keys()
    is_left_out = "run" in takes and "run" not in arguments
    of = {name: value for name, value in _named(reading).items() if name not in takes} if is_left_out else {}
    return Request(intent, arguments, of=of)


def _ids(reading: Reading) -> set[str]:
    return {run.value for run in reading.runs}


def _handed_on(requests: Sequence[Request]) -> list[Request]:
    """Which run is meant, and which data, is what an earlier request of the same sentence was about, where a later one names none: "check
    the tiles, then train PaDiM on them". What is only told or shown may be named later, too: "the misses and then the worst ones of r3"."""
    handed: list[Request] = []
    about: dict[str, Any] = {}
    for request in requests:
        handed.append(_about(request, about))
        about |= {name: value for name, value in handed[-1].arguments.items() if name in ("run", "dataset")}
    said = {name: {each.arguments[name] for each in requests if name in each.arguments} for name in ("run", "dataset")}
    only = {name: next(iter(ids)) for name, ids in said.items() if len(ids) == 1}
    handed = [each if each.tool is None or traits(each.tool).asks_on else _about(each, only) for each in handed]
    return [each for at, each in enumerate(handed) if each not in handed[:at]]


def _about(request: Request, named: Mapping[str, Any]) -> Request:
    takes = _takes(request.tool or "") & named.keys()
    return replace(request, arguments={name: named[name] for name in takes} | request.arguments)


def _left_out(reading: Reading, requests: Sequence[Request]) -> tuple[str, ...]:
    """The models beside the one that is planned, in the order they were named."""
    planned = [request.arguments["model"] for request in requests if _plans(request) and "model" in request.arguments]
    if not planned or ENSEMBLE in planned:
        return ()
    return tuple(dict.fromkeys(each.value for each in reading.models if each.value not in planned))


def _plans(request: Request) -> bool:
    return request.tool is not None and traits(request.tool).plans


def _unused(reading: Reading, requests: Sequence[Request]) -> tuple[str, ...]:
    """What was recognised and is no argument of any request, as it was written."""
    given_to = [(*request.arguments.values(), *request.of.values()) for request in requests]
    used = {_plain(value) for values in given_to for given in values for value in _each(given)}
    used |= set(_left_out(reading, requests))
    used |= {
        each.value
        for each in reading.models
        if any("members" in request.arguments or "last_runs" in request.arguments for request in requests)
    }
    heard: list[Found | Setting] = [*reading.datasets, *reading.models, *reading.runs, *reading.defects]
    changes = any(each.tool is not None and traits(each.tool).changes for each in requests)  # "all models in 5 minutes"
    heard += [setting for setting in reading.settings if changes or not setting.weak]
    is_counting = changes or any(map(_plans, requests))
    numbers = [each for each in reading.numbers if not each.in_words] if is_counting else []
    heard += [Found(each.start, each.end, f"{each.value:g}") for each in numbers]
    reasons = said_as_reasons(reading.text)
    found = [each for each in heard if not used.intersection(map(_plain, _each(each.value)))]
    found = [each for each in found if not any(start <= each.start < end for start, end in reasons)]
    found.sort(key=lambda each: each.start)
    return tuple(dict.fromkeys(reading.original[each.start : each.end].strip() for each in found))


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _plain(value: Any) -> str:
    return str(value).lower()
