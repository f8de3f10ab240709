"""What the assistant can do: one folder per tool, found by its name. All that is one tool's alone stands in its folder.

    __init__.py          an async function named like the folder. Its signature is the schema and its docstring the description that an
                         LLM reads; it returns facts, not prose. What it cannot do it says with `desk.refuse(code, message)`.
                         `TRAITS`, where the tool is not like most.
    en.md.j2 (ko, zh)    what the built-in assistant says of its result (`say == "result"`), of a no to its question
                         (`say == "declined"`), and of its own refusals (`code == "..."`). Empty: the words that all tools share.
    page.toml            what the page says, per language: `running` and `done` of its folded line, `asks` of its question.
    examples.txt         sentences that ask for it, in each language, with the arguments that each of them gives: the built-in assistant
                         learns from them that it is asked for (assistant/offline/learned.py).
    told.json            what it may return and refuse, to try its words with.

A result that holds a `run` makes that run one the conversation spoke of; one that holds a `proposal` is a plan that is asked about next.
"""

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

FOLDER = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Traits:
    """What a conversation must know of a tool beside its schema.

    Args:
        silent: its own cards tell it all, so no folded line is shown for its calls.
        changes: it plans or writes something without asking, so it is not done again where something is only to be told again.
        asks_on: where it asks for the person's yes, if it does: the plan's card, or a small card of its own. One tool, the one that
            starts a plan, asks on the plan's.
        ends: a yes stops or ends something, so the button warns, and "go ahead" is no yes.
        plans: it takes the settings of a plan, and its result holds them: whole numbers that a person wished for become facts there.
        rather: states of the runs that it is about, where a run is meant and not named.
        groups: what it does to a run it does to a group of runs, too, named by its id: g1.
        needs_more: with a run alone it does nothing, but tells how that is now.
        looks_first: the tool that the built-in assistant calls before, where a known data set is named, with that `dataset`.
    """

    silent: bool = False
    changes: bool = False
    asks_on: Literal["plan", "card"] | None = None
    ends: bool = False
    plans: bool = False
    rather: tuple[str, ...] = ()
    groups: bool = False
    needs_more: bool = False
    looks_first: str | None = None


@cache
def tool_names() -> tuple[str, ...]:
    return tuple(sorted(module.name for module in pkgutil.iter_modules(__path__) if module.ispkg))


def traits(name: str) -> Traits:
    """What is special about a tool. One that an LLM made up is like most."""
    return getattr(_module(name), "TRAITS", Traits()) if name in tool_names() else Traits()


def function_of(name: str) -> Callable[..., Any]:
    """The function of a tool, which an agent calls."""
    function: Callable[..., Any] = getattr(_module(name), name)
    return function


@cache
def schema_of(name: str) -> dict[str, dict[str, Any]]:
    """What a tool takes: the JSON schema of each argument by its name."""
    from pydantic_ai import Tool  # slow to load; a sentence that asks for nothing needs none of it

    properties: dict[str, dict[str, Any]] = Tool(function_of(name), takes_ctx=True).function_schema.json_schema[
        "properties"
    ]
    return properties


def starter() -> str:
    """The tool that starts a plan: it asks for the yes on the plan's card."""
    (name,) = (name for name in tool_names() if traits(name).asks_on == "plan")
    return name


def planner() -> str:
    """The tool that makes a plan, or changes the open one."""
    (name,) = (name for name in tool_names() if traits(name).plans)
    return name


def _module(name: str) -> Any:
    return importlib.import_module(f"{__name__}.{name}")
