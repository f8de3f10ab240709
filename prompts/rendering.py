"""Renders templates into plain text. An undefined variable is an error, never an empty place in a sentence."""

from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from prompts.durations import duration
from prompts.figures import percent, score

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
    environment.filters |= {"percent": percent, "score": score, "duration": duration}
    return environment
