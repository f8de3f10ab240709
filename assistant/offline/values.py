"""What can be learned of the arguments of an intent: which of its choices an example makes, and which argument a number in it gives.

Beside the choices that the schema lists three more are learned of a plan: `off`, a setting that shall be none without a number saying so
("no tiles"); `wish`, what is wished for without a setting's name (settings.WISHES); and whether finished runs are to be joined.
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

OFF, WISH = "off", "wish"
ENSEMBLE = joining_model()
RUN, LAYERS = "run", "layers"
NAMING_RUNS = (RUN, "runs", "members")
BY_NAME = ("dataset", "model", "term", "defect_type", "proposal")  # told by the name that is said


@cache
def choices_of(intent: str) -> tuple[str, ...]:
    """The arguments of an intent that are a choice among few."""
    if intent in talk_names():
        return tuple(name for name in talk_reads(intent) if name not in BY_NAME)
    if traits(intent).plans:
        return ("task", *(name for name, field in fields().items() if field.kind in ("choice", "boolean")))
    return tuple(name for name, schema in schema_of(intent).items() if name not in BY_NAME and _is_choice(schema))


@cache
def numbers_of(intent: str) -> tuple[str, ...]:
    """The arguments of an intent that a number gives."""
    if intent in talk_names():
        return ()
    if traits(intent).plans:
        settings = tuple(name for name, field in fields().items() if field.kind in ("integer", "number"))
        return (*settings, LAYERS, *(name for name in schema_of(intent) if name == "last_runs"))
    return tuple(name for name, schema in schema_of(intent).items() if types_of(schema) & {"integer", "number"})


def types_of(schema: Mapping[str, Any]) -> set[str]:
    """The JSON types that an argument of this schema can have."""
    return {str(each.get("type")) for each in _options(schema)}


def choices_made(intent: str, arguments: Mapping[str, Any], numbers: Sequence[Number]) -> list[str]:
    """Labels of the choices that an example of an intent makes, such as "device=cpu"."""
    made = [label(name, arguments[name]) for name in (*choices_of(intent), WISH) if name in arguments]
    if intent in talk_names() or not traits(intent).plans:
        return made
    given = {argument_of(number, intent, arguments) for number in numbers}
    made += [label(OFF, name) for name in arguments if name not in given and arguments[name] == nothing_of(name)]
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


def nothing_of(setting: str) -> int | float | None:
    """What a setting is that shall be none: no smoothing is 0, an image that is not cut is 1 tile; None where it cannot be none."""
    field = fields().get(setting)
    if field is None or field.kind not in ("integer", "number") or field.minimum not in (0, 1):
        return None
    return int(field.minimum) if field.kind == "integer" else field.minimum


def layers_in(number: Number) -> list[int]:
    """2 is layer 2, and 23 the layers 2 and 3."""
    is_row = number.value == int(number.value) and 0 < number.value < 10_000 and not number.unit
    return [int(digit) for digit in f"{number.value:.0f}"] if is_row else []


def _is(number: Number, name: str, value: Any) -> bool:
    found = typed(number, name) if name in fields() else number.value
    return not isinstance(value, bool | str) and abs(found - value) <= 1e-9 * max(1.0, abs(value))


def _each(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _is_choice(schema: Mapping[str, Any]) -> bool:
    return any("enum" in each or each.get("type") == "boolean" for each in _options(schema))


def _options(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield schema
    yield from schema.get("anyOf", ())
