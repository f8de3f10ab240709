"""Renders templates into plain text. An undefined variable is an error, never an empty place in a sentence."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from prompts.durations import duration

PROMPTS = Path(__file__).resolve().parent


def render(name: str, *, folder: Path = PROMPTS, **values: Any) -> str:
    """The text of the template `name` with these values, looked for in `folder` first, else in prompts/."""
    return _environment(folder).get_template(name).render(**values).strip()


@cache
def _environment(folder: Path) -> Environment:
    # Plain text, not HTML: the web escapes what it shows.
    environment = Environment(
        loader=FileSystemLoader([folder, PROMPTS]), undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"percent": _percent, "score": _score, "duration": duration}
    return environment


def _percent(share: float) -> str:
    """A share as percent with at most one decimal, never rounded to 0 or 100 unless it is."""
    value = 100 * share
    digits = 1
    while digits < 6 and (round(value, digits) in (0.0, 100.0)) and value not in (0.0, 100.0):
        digits += 1
    return f"{round(value, digits):g} %"


def _score(value: float) -> str:
    """A metric or score to three decimals, more where the size demands it."""
    return f"{value:.3f}" if value == 0 or abs(value) >= 0.001 else f"{value:.3g}"
