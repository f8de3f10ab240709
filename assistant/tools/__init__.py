"""What the assistant can do: one file per tool, found by its name.

A tool is an async function named like its file. Its signature is the schema and its docstring the description that an LLM reads;
it returns facts, not prose. A mistake in the arguments is raised as `ModelRetry` with words the LLM (or the user) can act on.
"""

import importlib
import pkgutil
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic_ai import ModelRetry, Tool

from assistant.datasets import DatasetError, Datasets
from assistant.frames import Item, Language
from assistant.proposals import Proposals
from assistant.runs.queue import Queue, UnknownRun
from assistant.settings import Settings
from assistant.store.tables import RunRow
from engine.spec import SpecError


@dataclass(frozen=True)
class Refusal:
    """Why a tool could not do what was asked: a code with its values, and the English wording."""

    code: str
    message: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Desk:
    """What a tool may reach: the workspace's parts, the conversation it serves, and a way to show a card there."""

    settings: Settings
    datasets: Datasets
    proposals: Proposals
    runs: Queue
    conversation: str
    language: Language
    show: Callable[[str, Item], Awaitable[None]]  # puts an item under a key, or replaces it
    update: Callable[..., Awaitable[None]]  # update(key, field=value, ...) changes an item that is shown
    refusals: list[Refusal] = field(default_factory=list)

    def refuse(self, code: str, message: str, **values: Any) -> ModelRetry:
        """The error to raise when a tool cannot do what was asked; the built-in assistant words it by its code."""
        self.refusals.append(Refusal(code, message, values))
        return ModelRetry(message)

    def refuse_input(self, error: SpecError | DatasetError) -> ModelRetry:
        """The same for settings or a data set that cannot be used."""
        if isinstance(error, SpecError):
            problems = [{"kind": each.kind, "message": each.message, **each.values} for each in error.problems]
            return self.refuse("settings", str(error), problems=problems)
        return self.refuse(error.code, str(error), **error.values)

    async def run(self, run: str | None) -> RunRow:
        """The run that is meant; where none is named, the conversation's latest, else the latest of all.

        Raises:
            ModelRetry: there is no such run, or none at all.
        """
        if run is not None:
            try:
                return await self.runs.get(run)
            except UnknownRun as error:
                raise self.refuse("unknown_run", str(error), run=run) from None
        latest = await self.runs.list(conversation=self.conversation, limit=1) or await self.runs.list(limit=1)
        if not latest:
            raise self.refuse("no_runs", "there are no runs yet: propose a training first")
        return latest[0]


def tool_names() -> list[str]:
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load_tools() -> list[Tool[Desk]]:
    """Every tool of this folder."""
    return [Tool(_function(name), takes_ctx=True, max_retries=3) for name in tool_names()]


def _function(name: str) -> Callable[..., Any]:
    function: Callable[..., Any] = getattr(importlib.import_module(f"{__name__}.{name}"), name)
    return function
