"""What a tool may reach, and how it says that it cannot do what was asked."""

from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from pydantic_ai import ModelRetry

from assistant.data.datasets import DatasetError, Datasets
from assistant.frames import Item
from assistant.models.acts import Models
from assistant.models.serving.predictions import Predictions
from assistant.plans.plan import Plan
from assistant.plans.proposals import Proposals
from assistant.runs.attempts import Attempts
from assistant.runs.groups import Groups, UnknownGroup, is_group
from assistant.runs.place import RunElsewhere
from assistant.runs.queue import Queue, UnknownRun
from assistant.settings import Settings
from assistant.state import Choice, Question, State, candidates
from assistant.store.tables import GroupRow, ProposalRow, RunRow, RunState
from assistant.tools import tool_names
from engine.contract.jobs import SpecError
from prompts.languages import Language

NAMED_RUNS, MOST_LISTED = 3, 20
MOST_CHOICES = 4


def possible(choices: Iterable[Choice]) -> list[Choice]:
    """Those whose tool there is."""
    return [each for each in choices if each.request.tool in tool_names()]


@dataclass(frozen=True)
class Refusal:
    """Why a tool could not do what was asked: a code with its values, and the English wording.

    Where it lacked an argument, `missing` is its name, and the person is asked back with the choices `among` which it may be.
    """

    code: str
    message: str
    values: dict[str, Any]
    missing: str | None = None
    among: tuple[str, ...] = ()

    def facts(self) -> dict[str, Any]:
        """What its words are made of."""
        return {"code": self.code, "message": self.message, **self.values}


@dataclass(frozen=True)
class Undone:
    """A plan whose last change was undone: its row as it was changed, and as it is again."""

    was: ProposalRow
    row: ProposalRow


class Cards(Protocol):
    """The plans and runs of the conversation: whatever is done to one is shown on its card (assistant/chat/plan_cards.py)."""

    async def propose(self, plan: Plan) -> ProposalRow:
        """Store a plan; it takes the place of older open ones."""

    async def revise(self, row: ProposalRow, plan: Plan) -> ProposalRow:
        """Give an open plan this content. Raises StalePlan."""

    async def reopen(self, row: ProposalRow) -> ProposalRow:
        """Open a declined or superseded plan again. Raises SpecError, DatasetError, StalePlan."""

    async def undo(self) -> Undone | None:
        """The open plan as it was before its last change. Raises SpecError, DatasetError, StalePlan."""

    async def withdraw(self, row: ProposalRow) -> None:
        """Decline an open plan: nothing starts, and it can be opened again. Raises StalePlan."""

    async def launch(self, row: ProposalRow) -> RunRow | GroupRow:
        """Queue the run of an approved plan, or begin its group of runs, once. Raises DatasetError."""

    async def continue_run(self, row: RunRow) -> RunRow | ProposalRow:
        """The run that continues this one, or a new plan where the images are others. Raises NotContinued, SpecError, DatasetError."""

    async def plan_again(self, row: RunRow) -> ProposalRow:
        """A new plan with the settings of this run. Raises SpecError, DatasetError."""


class Memory(Protocol):
    """What the conversation remembers (assistant/chat/memory.py)."""

    async def state(self) -> State:
        """As it is now."""

    async def change(self, step: Callable[[State], State]) -> State:
        """Take it one step forward."""


@dataclass(frozen=True)
class Desk:
    """What a tool may reach: the workspace's parts, the conversation it serves, and ways to show cards there."""

    settings: Settings
    datasets: Datasets
    proposals: Proposals
    runs: Queue
    attempts: Attempts
    groups: Groups
    models: Models
    predictions: Predictions
    conversation: str
    language: Language
    cards: Cards
    show: Callable[[str, Item], Awaitable[None]]  # puts an item under a key, or replaces it
    memory: Memory
    refusals: list[Refusal] = field(default_factory=list)
    asked: list[Question] = field(default_factory=list)  # back, in this turn
    offered: list[Choice] = field(default_factory=list)  # beside the answer of this turn

    def refuse(self, code: str, message: str, **values: Any) -> ModelRetry:
        """The error to raise when a tool cannot do what was asked; the built-in assistant words it by its code."""
        self.refusals.append(Refusal(code, message, values))
        return ModelRetry(message)

    def ask(self, code: str, message: str, *, missing: str, among: Iterable[str], **values: Any) -> ModelRetry:
        """The same where an argument is missing: the person is asked back, with these choices."""
        self.refusals.append(Refusal(code, message, values, missing, tuple(among)[:MOST_CHOICES]))
        return ModelRetry(message)

    def offer(self, choices: Iterable[Choice]) -> None:
        """What the answer proposes to do, each shown as a button below it."""
        self.offered.extend(possible(choices))

    def refuse_input(self, error: SpecError | DatasetError) -> ModelRetry:
        """The same for settings or a data set that cannot be used."""
        if isinstance(error, SpecError):
            problems = [{"kind": each.kind, "message": each.message, **each.values} for each in error.problems]
            return self.refuse("settings", str(error), problems=problems)
        return self.refuse(error.code, str(error), **error.values)

    def folder(self, row: RunRow) -> Path:
        """The folder of a run.

        Raises:
            ModelRetry: it lies in another home.
        """
        try:
            return self.runs.folder_of(row)
        except RunElsewhere as error:
            raise self.refuse("elsewhere", str(error), **error.values) from None

    async def group(self, run: str | None) -> GroupRow | None:
        """The group of runs that an id names; None of the id of a run, and where nothing is named.

        Raises:
            ModelRetry: there is no such group.
        """
        try:
            return await self.groups.get(run) if run is not None and is_group(run) else None
        except UnknownGroup as error:
            raise self.refuse("unknown_run", str(error), run=run) from None

    async def run(self, run: str | None, *, rather: Collection[RunState] = ()) -> RunRow:
        """The run that is meant: the one that is named, else the one this conversation spoke of last, never a stranger's.

        `rather`: the latest in one of these states goes before it, spoken of or in the list that was shown last.

        Raises:
            ModelRetry: there is no such run, or this conversation spoke of none.
        """
        if run is not None:
            try:
                return await self.runs.get(run)
            except UnknownRun as error:
                code = "unknown_run" if error.code == "not_found" else error.code
                raise self.refuse(code, str(error), run=run) from None
        state = await self.memory.state()
        spoken = await self.runs.some(state.runs)
        listed = await self.runs.some(candidates(state, "run", most=MOST_LISTED) if rather else [])
        if meant := next((row for row in [*spoken, *listed] if row.state in rather), None) or next(iter(spoken), None):
            return await self.runs.get(meant.id)
        others = await self.runs.list(limit=NAMED_RUNS)
        if not others:
            raise self.refuse("no_runs", "there are no runs yet: propose a training first")
        known = [{"run": row.id, "model": row.subject, "dataset": row.dataset, "state": row.state} for row in others]
        raise self.ask(
            "which_run",
            f"this conversation spoke of no run yet; ask which is meant, the latest are {known}",
            missing="run",
            among=[row.id for row in others],
            known=known,
        )
