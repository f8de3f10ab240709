"""Which figures of a text are none of the facts that it was made from: our own words must hold none."""

from collections.abc import Iterator
from typing import Any

from assistant.llm.figures import Figure, figures_of


def figures_without_fact(text: str, facts: Any, *, also: tuple[float, ...] = ()) -> list[float]:
    """The values in `text` that no number in the nest of `facts`, no length of a list in it, and none of `also` is rounded to."""
    known = [*_figures_in(facts), *(Figure(value, 9) for value in also)]
    return [each.value for each in figures_of(text) if not any(each.is_rounded_from(fact) for fact in known)]


def _figures_in(value: Any) -> Iterator[Figure]:
    match value:
        case bool() | None:
            return
        case int() | float():
            yield Figure(float(value), 9)
        case str():
            yield from figures_of(value)
        case dict():
            yield Figure(float(len(value)), 0)
            for key, each in value.items():
                yield from _figures_in(key)
                yield from _figures_in(each)
        case list() | tuple() | set() | frozenset():
            yield Figure(float(len(value)), 0)
            for each in value:
                yield from _figures_in(each)
