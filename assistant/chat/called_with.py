"""What another program may call a tool with: what the tool's schema says, in text and numbers that can be stored and shown.

An LLM's arguments are read more kindly (a number written as text is one); a program gets the schema's own word, and can go by it.
"""

import math
import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import to_json

from assistant.tools.loading import load_tools

LONGEST_TEXT = 1000  # characters of one text: these are names, ids and choices
MOST_VALUES = 1000  # of all lists and objects together
MOST_TOLD = 5  # problems of one call
LONGEST_WHERE = 60
LARGEST = 1e15  # larger than any count; whole numbers are exact up to there
LAYOUT = "\t\n\r"  # control characters that a text may hold


def problems(tool: str, arguments: Mapping[str, Any]) -> str | None:
    """Why these are no arguments of this tool, all reasons in words that name the argument; None where they are."""
    found = list(_unfit(dict(arguments))) or list(_against_schema(tool, arguments))
    told = found[:MOST_TOLD] + ([f"and {len(found) - MOST_TOLD} more"] if len(found) > MOST_TOLD else [])
    return "; ".join(told) or None


def _unfit(arguments: dict[str, Any]) -> Iterator[str]:
    """What no argument of any tool may hold."""
    parts = _parts(arguments, "")
    for count, (where, value) in enumerate(parts):
        if count > MOST_VALUES:
            yield f"arguments: more than {MOST_VALUES} values"
            return
        match value:
            case float() if not math.isfinite(value):
                yield f"{where}: {value} is no number of JSON"
            case int() | float() if abs(value) > LARGEST:
                yield f"{where}: numbers up to {LARGEST:.0e} are taken"
            case str() if len(value) > LONGEST_TEXT:
                yield f"{where}: {len(value)} characters, at most {LONGEST_TEXT} are taken"
            case str() if strange := sorted({each for each in value if _is_strange(each)}):
                yield f"{where}: holds {', '.join(f'U+{ord(each):04X}' for each in strange[:3])}, which is no letter or sign"


def _parts(value: Any, where: str) -> Iterator[tuple[str, Any]]:
    """Every value and every name, with where it stands."""
    match value:
        case dict():
            for name, each in value.items():
                inner = f"{where}.{_shown(name)}" if where else _shown(name)
                yield inner, name
                yield from _parts(each, inner)
        case list():
            for place, each in enumerate(value):
                yield from _parts(each, f"{where}.{place}")
        case _:
            yield where, value


def _shown(name: str) -> str:
    return "".join("�" if _is_strange(each) else each for each in name[:LONGEST_WHERE])


def _is_strange(letter: str) -> bool:
    """Control characters, and halves of a character."""
    return unicodedata.category(letter) in ("Cc", "Cs") and letter not in LAYOUT


def _against_schema(tool: str, arguments: Mapping[str, Any]) -> Iterator[str]:
    validator = next(each for each in load_tools() if each.name == tool).function_schema.validator
    try:
        validator.validate_json(to_json(_whole(dict(arguments))), strict=True)
    except ValidationError as error:
        for each in error.errors(include_url=False, include_input=False, include_context=False):
            yield f"{'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}"


def _whole(value: Any) -> Any:
    """8.0 is an integer to JSON Schema."""
    match value:
        case dict():
            return {name: _whole(each) for name, each in value.items()}
        case list():
            return [_whole(each) for each in value]
        case float() if value.is_integer():
            return int(value)
        case _:
            return value
