"""What is wrong with a request, all of it at once and in words: the setting, the value, what is allowed."""

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong with a job: the setting (or ""), an English sentence, and the parts of it for other languages.

    `kind` is unknown_model, unknown_setting, too_large, too_small, multiple_of, choice, number, no_weights, or other.
    """

    field: str
    message: str
    kind: str = "other"
    values: dict[str, Any] = dataclass_field(default_factory=dict)


class SpecError(ValueError):
    """All problems of a job at once."""

    def __init__(self, problems: list[Problem]):
        self.problems = problems
        super().__init__("; ".join(problem.message for problem in problems))


def unknown(field: str, what: str, name: str, known: Collection[str]) -> Problem:
    """There is no such `what`; what may have been meant, and what there is."""
    near = difflib.get_close_matches(name, known, n=1)
    meant = f", did you mean {near[0]!r}?" if near else ""
    message = f"unknown {what} {name!r}{meant} (have: {', '.join(known)})"
    return Problem(field, message, f"unknown_{what}", {"name": name, "near": near, "known": [*known]})


def in_words(error: Any, *, models: Collection[str]) -> Problem:
    """One pydantic error as a problem: the field, the value, what is allowed."""
    message = re.sub(r"^Value error, ", "", error["msg"])
    if error["type"] == "value_error":
        return Problem("", message)
    names = [part for part in error["loc"] if isinstance(part, str) and part not in ("model", *models)]
    name, context = names[-1] if names else "", error.get("ctx", {})
    shown = repr(error.get("input"))
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    limits = [(kind, context[key]) for key, kind in _KINDS.items() if key in context]
    kind, limit = (
        limits[0] if limits else ("number" if "parsing" in error["type"] or "type" in error["type"] else "other", None)
    )
    values = {"name": name, "value": shown, "limit": limit}
    return Problem(name, f"{name} is {shown}: {message[0].lower()}{message[1:]}", kind, values)


_KINDS = {
    "le": "too_large",
    "lt": "too_large",
    "ge": "too_small",
    "gt": "too_small",
    "multiple_of": "multiple_of",
    "expected": "choice",
}
