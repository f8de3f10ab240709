"""What is meant without its name (*the second one*, 다른 거, 再来一次), read off a text and found in what the conversation remembers.

How it is said stands in references.toml; what it means is decided by assistant/state.py.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from assistant.offline.language import lower, normalise
from assistant.state import Choice, Question, Reference, Request, Sort, State, candidates, meant
from assistant.tools import schema_of, tool_names, traits
from prompts.languages import LANGUAGES, Language

BY_SORT: Mapping[str, str] = {"run": "run_status", "dataset": "inspect_dataset"}  # what is told of one of a list
SORTS: tuple[Sort, ...] = ("run", "dataset")


@dataclass(frozen=True)
class Found:
    """A reference in a text. `is_all`: nothing else is said."""

    reference: Reference
    is_all: bool


def find_reference(text: str, language: Language) -> Found | None:
    """The first reference in a text; the words of every language count, those of `language` first."""
    typed = lower(normalise(text))
    for words in map(_words, (language, *(each for each in LANGUAGES if each != language))):
        for reference, pattern in words.references:
            if match := pattern.search(typed):
                rest = words.about.sub(" ", typed[: match.start()] + " " + typed[match.end() :])
                return Found(reference, not any(letter.isalnum() for letter in rest))
    return None


def says_again(text: str) -> bool:
    """Whether a text asks for what was done last, and says nothing else."""
    typed = lower(normalise(text)).strip()
    return any(_words(language).again.search(typed) for language in LANGUAGES)


def referred(request: Request, found: Found, state: State) -> Request | Question:
    """The request with what is meant in it; a question back where it cannot be told."""
    if request.tool is None:
        return request
    if (listed := _of_the_list(request, found, state)) is not None:
        return listed
    for sort in SORTS:
        takes = _taken(request.tool, sort)
        if takes is None or takes in request.arguments:
            continue
        if takes == sort and found.reference.how == "last":
            continue  # several, where the tool takes one
        ids = meant(state, found.reference, sort)
        if ids:
            return _with(request, takes, ids if takes != sort else ids[0])
        if near := candidates(state, sort):
            return _which(request, takes, near) if takes == sort else request
    return request


def _of_the_list(request: Request, found: Found, state: State) -> Request | None:
    """What is told of one of the list that was shown last, where the request is about nothing that can stand there."""
    sort = state.listed.sort if state.listed is not None else None
    if found.reference.how != "nth" or sort not in SORTS or request.tool is None or not _can_be_repeated(request.tool):
        return None
    if {*SORTS} & {*request.arguments} or _taken(request.tool, sort) is not None:
        return None
    ids = meant(state, found.reference, sort)
    return Request(BY_SORT[sort], {sort: ids[0]}) if ids else None


def followed(found: Found | None, named: Mapping[str, Any], state: State) -> Request | Question | None:
    """The request that a text makes which says nothing but what it is about (*and the second?*, *what about r2?*): what was done last,
    on that; None where it makes none."""
    act = state.act
    if named:
        (name, value), *more = named.items()
        if more or act is None or not _can_be_repeated(act.tool) or name not in schema_of(act.tool):
            return None
        kept = {each: given for each, given in act.arguments.items() if each not in ("run", "dataset")}
        return Request(act.tool, {**kept, name: value})
    if found is None or not found.is_all:
        return None
    for sort in SORTS:
        ids = meant(state, found.reference, sort)
        if not ids:
            continue
        repeated = act.tool if act is not None and _can_be_repeated(act.tool) and _taken(act.tool, sort) else None
        kept = {name: each for name, each in act.arguments.items() if name not in SORTS} if act and repeated else {}
        request = Request(repeated or BY_SORT[sort], kept)
        takes = _taken(request.tool or "", sort) or sort
        return _with(request, takes, ids[0] if takes == sort else ids)
    return None


def once_more(state: State) -> Request | None:
    """What was done last, where it can be done again: nothing that waits for a yes."""
    act = state.act
    is_done = act is not None and act.outcome == "done" and act.tool in tool_names()
    return (
        Request(act.tool, dict(act.arguments)) if act is not None and is_done and not traits(act.tool).asks_on else None
    )


def _can_be_repeated(tool: str) -> bool:
    """What only tells or shows; a plan is made from what it takes over itself."""
    return tool in tool_names() and traits(tool).asks_on is None and not traits(tool).plans


def _taken(tool: str, sort: Sort) -> Literal["run", "runs", "dataset"] | None:
    """The argument of a tool that takes one of this sort, or several."""
    names = schema_of(tool) if tool in tool_names() else {}
    if sort == "run":
        return "run" if "run" in names else "runs" if "runs" in names else None
    return "dataset" if "dataset" in names else None


def _with(request: Request, name: str, value: Any) -> Request:
    return replace(request, arguments={**request.arguments, name: value})


def _which(request: Request, missing: str, near: list[str]) -> Question:
    choices = tuple(Choice(each, _with(request, missing, each)) for each in near)
    return Question("which_one", choices, asked=request, missing=missing)


@dataclass(frozen=True)
class _Words:
    references: list[tuple[Reference, re.Pattern[str]]]
    again: re.Pattern[str]
    about: re.Pattern[str]


@cache
def _words(language: Language) -> _Words:
    said = tomllib.loads((Path(__file__).parent / "references.toml").read_text(encoding="utf-8"))[language]
    references = [
        (Reference(how=how, number=int(number)), re.compile(pattern))
        for how in ("last", "nth")  # "the last two" before "the last"
        for number, pattern in said[how].items()
    ]
    references.append((Reference(how="other"), re.compile(said["other"])))
    return _Words(references, re.compile(said["again"]), re.compile(said["about"]))
