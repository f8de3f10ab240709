"""Arguments that a tool's schema refuses before the tool is asked: told to the person as a tool's own refusal of settings is."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from assistant.tools.desk import Refusal

KINDS = {
    "greater_than": "not_above",
    "greater_than_equal": "too_small",
    "less_than": "not_below",
    "less_than_equal": "too_large",
    "multiple_of": "multiple_of",
    "literal_error": "choice",
    "enum": "choice",
}
NUMBERS = ("int_", "float_", "finite_number")
LIMIT = re.compile(r"(-?\d+(?:\.\d+)?)$")
CHOICES = re.compile(r"should be (.+)$")
LONGEST = 60  # characters of a value that is shown


def refused_by_schema(content: object) -> Refusal | None:
    """The refusal that pydantic's errors stand for, as a call that did not go through carries them; None of anything else."""
    if not isinstance(content, Sequence) or isinstance(content, str) or not content:
        return None
    if not all(isinstance(each, Mapping) and {"type", "loc", "msg"} <= each.keys() for each in content):
        return None
    return Refusal("settings", str(content), {"problems": [_problem(each) for each in content]})


def _problem(error: Mapping[str, Any]) -> dict[str, Any]:
    name = next((part for part in error["loc"] if isinstance(part, str)), "")
    value, message, type_ = str(error.get("input")), str(error["msg"]), str(error["type"])
    value = value if len(value) <= LONGEST else f"{value[: LONGEST - 1]}…"
    kind = "number" if type_.startswith(NUMBERS) else KINDS.get(type_, "unfit")
    limit = (CHOICES if kind == "choice" else LIMIT).search(message)
    return {
        "kind": kind if kind == "number" or limit is not None else "unfit",
        "name": name,
        "value": value,
        "limit": limit[1] if limit is not None else "",
        "message": f"{name} is {value}: {message}",
    }
