"""What can be learned of the arguments of an intent: which of its choices an example makes, and which argument a number in it gives.

Beside the choices that the schema lists more are learned: `off`, an argument that shall be none without a number saying so ("no tiles"); which
argument the words in quotation marks give (`quoted`); which setting a search is over; and of a plan `wish`, what is wished for without
a setting's name (settings.WISHES), and whether finished runs are to be joined.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any

from assistant.offline.numbers import Number
from assistant.offline.settings import fields, typed
from assistant.offline.talk import talk_names, talk_reads
from assistant.tools import schema_of, traits
from engine.contract.joining import joining_model

OFF, WISH, QUOTED = "off", "wish", "quoted"
ENSEMBLE = joining_model()
RUN, LAYERS = "run", "layers"
QUOTES = ("name", "note", "tags")  # told by words in quotation marks; which of them is learned
NAMING_RUNS = (RUN, "runs", "members")
BY_NAME = ("dataset", "model", "term", "defect_type", "proposal")  # told by the name that is said
SETTING, VALUES = "setting", "values"  # of a search: what is varied, over which values
IMAGE, POSITION = "image", "position"  # a picture by its name or number; one of those that are shown, by its place


@cache
def choices_of(intent: str) -> tuple[str, ...]:
    """The arguments of an intent that are a choice among few."""
    if intent in talk_names():
        return tuple(name for name in talk_reads(intent) if name not in BY_NAME)
    if traits(intent).plans:
        return ("task", *(name for name, field in fields().items() if field.kind in ("choice", "boolean")))
    schemas = schema_of(intent)
    return tuple(
        name for name, schema in schemas.items() if name == SETTING or (name not in BY_NAME and _is_choice(schema))
    )


@cache
def numbers_of(intent: str) -> tuple[str, ...]:
    """The arguments of an intent that a number gives."""
    if intent in talk_names():
        return ()
    if traits(intent).plans:
        settings = tuple(name for name, field in fields().items() if field.kind in ("integer", "number"))
        return (*settings, LAYERS, *(name for name in schema_of(intent) if name == "last_runs"))
    return tuple(
        name
        for name, schema in schema_of(intent).items()
        if name in (VALUES, IMAGE) or types_of(schema) & {"integer", "number"}
    )


def types_of(schema: Mapping[str, Any]) -> set[str]:
    """The JSON types that an argument of this schema can have."""
    return {str(each.get("type")) for each in _options(schema)}


def choices_made(intent: str, arguments: Mapping[str, Any], numbers: Sequence[Number]) -> list[str]:
    """Labels of the choices that an example of an intent makes, such as "device=cpu"."""
    made = [label(name, arguments[name]) for name in (*choices_of(intent), WISH) if name in arguments]
    made += [label(QUOTED, name) for name in arguments if name in QUOTES]
    if intent in talk_names():
        return made
    given = {argument_of(number, intent, arguments) for number in numbers}
    unsaid = [name for name in arguments if name not in given and name in numbers_of(intent)]
    made += [label(OFF, name) for name in unsaid if arguments[name] == nothing_of(name, intent)]
    return made + ([label("model", ENSEMBLE)] if arguments.get("model") == ENSEMBLE else [])


def label(argument: str, value: Any) -> str:
    return f"{argument}={value if isinstance(value, str) else json.dumps(value, allow_nan=False)}"


def argument_of(number: Number, intent: str, arguments: Mapping[str, Any]) -> str:
    """The argument to which an example gives this number; "" for none."""
    if any(f"r{number.value:g}" in _each(arguments[name]) for name in NAMING_RUNS if name in arguments):
        return RUN
    if set(layers_in(number)) & set(_each(arguments.get(LAYERS, []))):
        return LAYERS
    named = (name for name in numbers_of(intent) if name != LAYERS and name in arguments)
    return next((name for name in named if _is(number, name, arguments[name])), "")


def nothing_of(name: str, intent: str) -> int | float | None:
    """What an argument is that shall be none: no smoothing is 0, an image that is not cut is 1 tile, no escapes are a rate of 0; None where it
    cannot be none."""
    if not traits(intent).plans:
        return 0.0
    field = fields().get(name)
    if field is None or field.kind not in ("integer", "number") or field.minimum not in (0, 1):
        return None
    return int(field.minimum) if field.kind == "integer" else field.minimum


def layers_in(number: Number) -> list[int]:
    """2 is layer 2, and 23 the layers 2 and 3."""
    is_row = number.value == int(number.value) and 0 < number.value < 10_000 and not number.unit
    return [int(digit) for digit in f"{number.value:.0f}"] if is_row else []


def value_of(number: Number, name: str) -> int | float:
    """What a number is as the value of an argument: a share that is said in percent is a share of 1."""
    if name in fields():
        return typed(number, name)
    return number.value / 100 if number.unit == "percent" else number.value


def _is(number: Number, name: str, value: Any) -> bool:
    """Whether an argument has the value that a number says, or holds it: one of several values, or the number of a picture."""
    if isinstance(value, list):
        return any(_is(number, name, each) for each in value)
    if name == IMAGE:
        return str(value) == f"{number.value:g}"
    found = value_of(number, name)
    return not isinstance(value, bool | str) and abs(found - value) <= 1e-9 * max(1.0, abs(value))


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_choice(schema: Mapping[str, Any]) -> bool:
    return any("enum" in each or each.get("type") == "boolean" for each in _options(schema))


def _options(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield schema
    yield from schema.get("anyOf", ())
