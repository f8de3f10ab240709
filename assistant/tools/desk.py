"""What a tool may reach, and how it says that it cannot do what was asked."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from pydantic_ai import ModelRetry

from assistant.data.datasets import DatasetError, Datasets
from assistant.frames import Item, Language
from assistant.plans.proposals import Proposals
from assistant.runs.queue import Queue, UnknownRun
from assistant.settings import Settings
from assistant.store.tables import ACTIVE, RunRow
from engine.contract.jobs import SpecError

NAMED_RUNS = 3


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
    spoken_of: Callable[[], Awaitable[list[str]]]  # ids of the runs that this conversation spoke of, the latest first
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

    async def run(self, run: str | None, *, active_first: bool = False) -> RunRow:
        """The run that is meant: the one that is named, else the one this conversation spoke of last, never a stranger's.

        `active_first`: one that waits or runs goes before it.

        Raises:
            ModelRetry: there is no such run, or this conversation spoke of none.
        """
        if run is not None:
            try:
                return await self.runs.get(run)
            except UnknownRun as error:
                raise self.refuse("unknown_run", str(error), run=run) from None
        spoken = [await self.runs.get(each) for each in await self.spoken_of()]
        active = [row for row in spoken if row.state in ACTIVE] if active_first else []
        if spoken:
            return [*active, *spoken][0]
        others = await self.runs.list(limit=NAMED_RUNS)
        if not others:
            raise self.refuse("no_runs", "there are no runs yet: propose a training first")
        known = [{"run": row.id, "model": row.subject, "dataset": row.dataset, "state": row.state} for row in others]
        raise self.refuse(
            "which_run",
            f"this conversation spoke of no run yet; ask which is meant, the latest are {known}",
            known=known,
        )
