"""What is meant without its name (*the second one*, 다른 거, 再来一次), read off a text and found in what the conversation remembers.

How it is said stands in references.toml; what it means is decided by assistant/state.py.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from assistant.offline.language import lower, normalise
from assistant.offline.phrases import MARKS
from assistant.offline.values import POSITION
from assistant.state import Choice, Question, Reference, Request, Sort, State, candidates, meant
from assistant.tools import planner, schema_of, tool_names, traits
from prompts.languages import LANGUAGES, Language

BY_SORT: Mapping[str, str] = {"run": "run_status", "dataset": "inspect_dataset"}  # what is told of one of a list
SORTS: tuple[Sort, ...] = ("run", "dataset", "model")
CONTINUES = "continue_run"  # what a run that did not get to its end is asked for "once more"


@dataclass(frozen=True)
class Found:
    """A reference in a text. `is_all`: nothing else is said. `is_chosen`: nothing else but that it shall be that."""

    reference: Reference
    is_all: bool
    is_chosen: bool = False


def find_reference(text: str, language: Language) -> Found | None:
    """The first reference in a text; the words of every language count, those of `language` first."""
    typed = lower(normalise(text))
    for words in map(_words, (language, *(each for each in LANGUAGES if each != language))):
        for reference, pattern in words.references:
            if match := pattern.search(typed):
                rest = f"{typed[: match.start()]} {typed[match.end() :]}"
                is_all, is_chosen = (
                    not _says_more(rest, words.same, words.about, *more) for more in ([], [words.choosing])
                )
                return Found(reference, is_all, is_chosen)
    return None


def says_again(text: str) -> bool:
    """Whether a text asks for what was done last, and says nothing else."""
    typed = lower(normalise(text)).strip()
    return any(_words(language).again.search(typed) for language in LANGUAGES)


def says_more(text: str) -> bool:
    """Whether a text says, among other things, that what it asks for was done before."""
    return any(_words(language).more.search(lower(text)) for language in LANGUAGES)


def says_same(text: str) -> bool:
    """Whether a text asks for what was done last, on something else."""
    return any(_words(language).same.search(lower(text)) for language in LANGUAGES)


def asks_why(masked: str) -> Literal["bare", "of a plan", "of something"] | None:
    """Whether a masked text asks for a reason, and of what: of a plan or a setting, of something else, or of nothing that it says."""
    for words in map(_words, LANGUAGES):
        if words.why.search(masked):
            is_of_a_plan = MARKS["setting"] in masked or any(_words(each).plan.search(masked) for each in LANGUAGES)
            is_more = _says_more(masked, words.why, words.about)
            return "of a plan" if is_of_a_plan else "of something" if is_more else "bare"
    return None


def is_bare(masked: str, language: Language, *, choosing: bool = False) -> bool:
    """Whether a masked text says nothing but names; with `choosing`, nothing but what something shall be."""
    several = [
        _words(each) for each in dict.fromkeys((language, "en"))
    ]  # English words stand in texts of every language
    return not _says_more(
        masked,
        *(part for words in several for part in (words.same, words.about, *([words.choosing] if choosing else []))),
    )


def likened(masked: str) -> tuple[int, int] | None:
    """Where in a masked text a run is named whose settings are meant ("same as r2")."""
    for language in LANGUAGES:
        if match := _words(language).like.search(masked):
            at = match.group().index(MARKS["run"]) + match.start()
            return at, match.end()
    return None


def said_as_reasons(masked: str) -> list[tuple[int, int]]:
    """Where in a masked text it is told why something is asked for: what is named there is not asked for ("because the line waits")."""
    return [match.span() for language in LANGUAGES for match in _words(language).reason.finditer(masked)]


def _says_more(text: str, *patterns: re.Pattern[str]) -> bool:
    for pattern in patterns:
        text = pattern.sub(" ", text)
    return any(letter.isalnum() for letter in text)


def referred(request: Request, found: Found, state: State) -> Request | Question:
    """The request with what is meant in it; a question back where it cannot be told."""
    if request.tool is None or (found.reference.how == "nth" and POSITION in request.arguments):
        return request
    if (listed := _of_the_list(request, found, state)) is not None:
        return listed
    for sort in _likeliest_first(state):
        takes = _taken(request.tool, sort)
        if takes is None or takes in request.arguments:
            continue
        if takes == sort and found.reference.how == "last" and found.reference.number > 1:
            continue  # several, where the tool takes one
        ids = meant(state, found.reference, sort)
        if ids:
            return _with(request, takes, ids if takes != sort else ids[0])
        if near := candidates(state, sort):
            return _which(request, takes, near) if takes == sort else request
    return request


def _likeliest_first(state: State) -> list[Sort]:
    """What was listed last before what else can be meant."""
    return sorted(SORTS, key=lambda sort: state.listed is None or state.listed.sort != sort)


def _of_the_list(request: Request, found: Found, state: State) -> Request | None:
    """What is told of one of the list that was shown last, where the request is about nothing that can stand there."""
    sort = state.listed.sort if state.listed is not None else None
    if found.reference.how != "nth" or sort is None or sort not in BY_SORT:
        return None
    if request.tool is None or not _can_be_repeated(request.tool):
        return None
    if {*BY_SORT} & {*request.arguments} or _taken(request.tool, sort) is not None:
        return None
    ids = meant(state, found.reference, sort)
    return Request(BY_SORT[sort], {sort: ids[0]}) if ids else None


def followed(
    found: Found | None, named: Mapping[str, Any], state: State, *, same: bool = False
) -> Request | Question | None:
    """The request that a text makes which says nothing but what it is about (*and the second?*, *what about r2?*, *the same for r2*): what
    was done last, on that; None where it makes none. `same`: it says that the same is to be done."""
    if named:
        return _with_names(named, state, same=same)
    if found is not None and found.is_chosen and state.listed is not None and state.listed.sort == "model":
        ids = meant(state, found.reference, "model")
        return Request(planner(), {"model": ids[0]}) if ids else None
    if found is None or not found.is_all:
        return None
    act = state.act
    for sort in (each for each in _likeliest_first(state) if each in BY_SORT):
        ids = meant(state, found.reference, sort)
        if not ids:
            continue
        if same and sort == "dataset" and _is_of_a_plan(state):
            return Request(planner(), {"dataset": ids[0]})
        repeated = act.tool if act is not None and _can_be_repeated(act.tool) and _taken(act.tool, sort) else None
        kept = {name: each for name, each in act.arguments.items() if name not in BY_SORT} if act and repeated else {}
        request = Request(repeated or BY_SORT[sort], kept)
        takes = _taken(request.tool or "", sort) or sort
        return _with(request, takes, ids[0] if takes == sort else ids)
    return None


def _with_names(named: Mapping[str, Any], state: State, *, same: bool) -> Request | None:
    act = state.act
    (name, value), *more = named.items()
    if act is not None and not more and _can_be_repeated(act.tool) and name in schema_of(act.tool):
        kept = {each: given for each, given in act.arguments.items() if each not in ("run", "dataset")}
        return Request(act.tool, {**kept, name: value})
    if not same:
        return None
    if act is not None and not more and act.tool in tool_names() and name in schema_of(act.tool):
        return Request(act.tool, {name: value})  # what asks for a yes asks again
    return Request(planner(), {"like" if each == "run" else each: value for each, value in named.items()})


def _is_of_a_plan(state: State) -> bool:
    """Whether what was done last was about a plan, or one is open."""
    return state.plan is not None or (state.act is not None and "proposal" in state.act.told)


def once_more(state: State) -> Request | None:
    """What was done last, where it can be done again: nothing that waits for a yes; of a run that did not get to its end, that run."""
    act = state.act
    if act is None or act.outcome != "done" or act.tool not in tool_names():
        return None
    if act.told.get("state") in ("failed", "stopped") and "run" in act.told:
        return Request(CONTINUES, {"run": act.told["run"]})
    return None if traits(act.tool).asks_on or traits(act.tool).changes else Request(act.tool, dict(act.arguments))


def _can_be_repeated(tool: str) -> bool:
    """What only tells or shows; a plan is made from what it takes over itself."""
    is_told = traits(tool)
    return tool in tool_names() and is_told.asks_on is None and not is_told.plans and not is_told.changes


def _taken(tool: str, sort: Sort) -> str | None:
    """The argument of a tool that takes one of this sort, or several."""
    names = schema_of(tool) if tool in tool_names() else {}
    if sort == "run":
        return "run" if "run" in names else "runs" if "runs" in names else None
    return sort if sort in names else None


def _with(request: Request, name: str, value: Any) -> Request:
    return replace(request, arguments={**request.arguments, name: value})


def _which(request: Request, missing: str, near: list[str]) -> Question:
    choices = tuple(Choice(each, _with(request, missing, each)) for each in near)
    return Question("which_one", choices, asked=request, missing=missing)


@dataclass(frozen=True)
class _Words:
    references: list[tuple[Reference, re.Pattern[str]]]
    again: re.Pattern[str]
    same: re.Pattern[str]
    like: re.Pattern[str]
    about: re.Pattern[str]
    choosing: re.Pattern[str]
    plan: re.Pattern[str]
    reason: re.Pattern[str]
    more: re.Pattern[str]
    why: re.Pattern[str]


@cache
def _words(language: Language) -> _Words:
    said = tomllib.loads((Path(__file__).parent / "references.toml").read_text(encoding="utf-8"))[language]
    references = [
        (Reference(how=how, number=int(number)), re.compile(pattern))
        for how in ("last", "nth")  # "the last two" before "the last"; last.1: the same data
        for number, pattern in said[how].items()
    ]
    references.append((Reference(how="other"), re.compile(said["other"])))
    named = {each.name: said[each.name] for each in fields(_Words) if each.name != "references"}
    masked = {name: pattern.replace("{run}", f"{MARKS['run']}+") for name, pattern in named.items()}
    return _Words(references, **{name: re.compile(pattern) for name, pattern in masked.items()})
