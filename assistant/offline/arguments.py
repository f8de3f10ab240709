"""What a sentence says of what a tool takes: one small reader for each sort of thing that can be said.

An argument is read by the reader that the tool's cues.toml names for it under `reads`; else by the one of the argument's own name; else,
where its type tells, by its type: of several choices the one whose name is a cue that was said, a number, or whether a cue was said.
The reader "nothing" says that no sentence gives the argument, "examples" that the tool's examples tell which choice is meant (alike.py).
An argument that nothing reads is an error, never left out in silence.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache, partial
from typing import Any

from assistant.kinds import kind_names, kind_of
from assistant.offline.alike import choice_alike
from assistant.offline.phrases import Found
from assistant.offline.reading import Reading
from assistant.offline.settings import Setting
from assistant.offline.talk import talk_names, talk_reads
from assistant.tools import cues_of, schema_of, traits
from engine.contract.joining import joining_model

ENSEMBLE = joining_model()
FEWEST, MOST = 2, 4  # members
COUNTED = {"two": 2, "three": 3, "four": 4}  # by a word that is one with what it counts, such as 두 학습

Reader = Callable[[Reading], Any]  # None where nothing was said


def arguments_said(intent: str, reading: Reading) -> dict[str, Any]:
    """The arguments that a reading gives to this tool, or to this talk intent."""
    if intent in talk_names():
        return given(**{name: READERS[name](reading) for name in talk_reads(intent)})
    if traits(intent).plans:
        return _plan(reading)
    return given(**{name: reader(reading) for name, reader in readers(intent).items()})


@cache
def readers(tool: str) -> Mapping[str, Reader]:
    """The reader of each argument of a tool.

    Raises:
        LookupError: there is none for one of them.
    """
    stated = cues_of(tool).get("reads", {})
    return {name: reader_of(tool, name, schema, stated=stated.get(name)) for name, schema in schema_of(tool).items()}


def reader_of(tool: str, argument: str, schema: Mapping[str, Any], *, stated: str | None = None) -> Reader:
    """The reader of one argument of this JSON schema; `stated` is the one that the tool names for it.

    Raises:
        LookupError: there is none.
    """
    name = stated or argument
    if name == "examples":
        return partial(_as_in_examples, tool, argument)
    if name in READERS:
        return READERS[name]
    if stated is None and (by_type := _by_type(argument, schema)):
        return by_type
    raise LookupError(
        f"nothing reads {name!r} for {argument!r} of {tool}: state one in its cues.toml (have: {', '.join(READERS)})"
    )


def _as_in_examples(tool: str, argument: str, reading: Reading) -> str:
    """The choice of those examples of the tool that are most like what was said."""
    return choice_alike(tool, argument, reading.original)


def _by_type(argument: str, schema: Mapping[str, Any]) -> Reader | None:
    """A reader for any argument of this type."""
    kinds = [schema, *schema.get("anyOf", ())]
    if choices := next((each["enum"] for each in kinds if "enum" in each), None):
        return partial(_choice, tuple(choices))
    types = {each.get("type") for each in kinds} - {None, "null"}
    if types == {"boolean"}:
        return partial(_flag, argument)
    if types & {"integer", "number"}:
        return partial(_number, whole="number" not in types)
    return None


def _choice(choices: tuple[Any, ...], reading: Reading) -> Any:
    return next((choice for choice in choices if choice in reading.said), None)


def _flag(cue: str, reading: Reading) -> bool | None:
    return True if cue in reading.said else None


def _number(reading: Reading, *, whole: bool) -> float | int | None:
    values = [number.value for number in reading.numbers if not whole or number.value.is_integer()]
    return (int(values[0]) if whole else values[0]) if values else None


def _good_images(reading: Reading) -> int | None:
    """The number in "with 30 good images", 양품 30장, 30张良品."""
    images = {cue.start for cue in reading.cues if "images" in (cue.value, *cue.also)}
    for number in reading.numbers:
        counts = number.unit == "images" or (number.unit == "" and any(0 < at - number.end <= 12 for at in images))
        if counts and number.value >= 1 and number.value.is_integer():
            return int(number.value)
    return None


def _run(reading: Reading) -> str | None:
    """A run by its id, or by a number such as 12번 or 第12次, which beside a training would be its epochs; "12번 이미지" is none."""
    images = {cue.start for cue in reading.cues if "images" in (cue.value, *cue.also)}
    ordinals = [
        f"r{setting.value}"
        for setting in reading.settings
        if setting.weak and setting.name == "epochs" and images.isdisjoint({setting.end, setting.end + 1})
    ]
    return first(reading.runs) or next(iter(ordinals), None)


@cache
def galleries() -> tuple[str, ...]:
    """The images that can be asked for, whatever kind of run inspected them: a choice of them before what is shown anyway, then all."""
    of_kinds = [tuple(kind_of(name).galleries) for name in kind_names()]
    chosen = [each for shown in of_kinds for each in shown[1:-1]]
    return tuple(dict.fromkeys([*chosen, *(shown[0] for shown in of_kinds), *(shown[-1] for shown in of_kinds)]))


def _gallery(reading: Reading) -> str | None:
    """Which images; of several that are said the earlier of `galleries` prevails."""
    return next((each for each in galleries() if each in reading.said), None)


def _count(reading: Reading) -> int | None:
    """The first number that can be a number of images: not "image 12", not the one in "the worst one"."""
    named = {cue.end for cue in reading.cues if "images" in (cue.value, *cue.also)}
    for number in reading.numbers:
        is_ordinal = reading.original[number.start - 1 : number.start] == "第"
        is_plain = number.unit == "" and not (number.in_words and number.value == 1)
        is_index = not named.isdisjoint({number.start, number.start - 1})
        counts = number.unit == "images" or (is_plain and not is_index)
        if counts and not is_ordinal and number.value >= 1 and number.value.is_integer():
            return int(number.value)
    return None


READERS: Mapping[str, Reader] = {
    "nothing": lambda reading: None,
    "dataset": lambda reading: first(reading.datasets),
    "task": lambda reading: first(reading.tasks),
    "model": lambda reading: first(reading.models),
    "run": _run,
    "runs": lambda reading: list(dict.fromkeys(each.value for each in reading.runs)) or None,
    "proposal": lambda reading: first(reading.proposals),
    "state": lambda reading: first(reading.states),
    "family": lambda reading: first(reading.families),
    "good_images": _good_images,
    "gallery": _gallery,
    "defect_type": lambda reading: first(reading.defects),
    "count": _count,
    "term": lambda reading: first(reading.terms) or first(reading.models),
    "deed": lambda reading: first(reading.deeds),
}


def _plan(reading: Reading) -> dict[str, Any]:
    """What is to be trained, and with which settings."""
    model = first(reading.models)
    if any(each.value == ENSEMBLE for each in reading.models) or ("combine" in reading.said and model is None):
        return _ensemble(reading)
    settings = {setting.name: setting.value for setting in reading.settings}
    return given(task=first(reading.tasks), dataset=first(reading.datasets), model=model, **settings)


def _ensemble(reading: Reading) -> dict[str, Any]:
    """Finished runs put together: those that are named, or the latest ones, as many as are asked for."""
    weak = [setting for setting in reading.settings if setting.weak and setting.name == "epochs"]
    named = [(run.start, run.value) for run in reading.runs]
    named += [(each.start, f"r{each.value}") for each in weak if _is_ordinal(reading, each)]
    members = [run for _, run in sorted(named)]
    plain = [int(number.value) for number in reading.numbers if number.value.is_integer() and number.value >= 1]
    if len(members) == 1:  # "runs 3 and 5"
        members += [f"r{number}" for number in plain]
    plain += [COUNTED[cue] for cue in COUNTED if any(cue in (each.value, *each.also) for each in reading.cues)]
    counts = [number for number in [*plain, *(each.value for each in weak)] if FEWEST <= number <= MOST]
    settings = {setting.name: setting.value for setting in reading.settings if not setting.weak}
    return given(
        dataset=first(reading.datasets),
        model=ENSEMBLE,
        members=list(dict.fromkeys(members)) or None,
        last_runs=counts[0] if counts and not members else None,
        **settings,
    )


def _is_ordinal(reading: Reading, setting: Setting) -> bool:
    """第3次 and 3번, not 两次 or 두 번."""
    written = reading.original[setting.start : setting.end]
    before = reading.original[: setting.start].rstrip()
    return before.endswith("第") or written.startswith("第") or bool(re.match(r"\d+\s?번", written))


def given(**arguments: Any) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if value is not None}


def first(found: list[Found]) -> str | None:
    return found[0].value if found else None
