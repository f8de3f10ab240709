"""Everything that one installation works on, opened together: settings, database, data sets, plans, runs, conversations."""

import asyncio
import logging
import tempfile
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

from sqlalchemy.exc import OperationalError

from assistant.chat.conversation import Conversation
from assistant.chat.conversations import Conversations
from assistant.chat.parts import Parts
from assistant.data.datasets import renamed_in
from assistant.groups.coordinator import Coordinator
from assistant.kinds.finding import PAGE, Asked, Finder, Found
from assistant.kinds.summary import title_of
from assistant.llm.providers import Provider, choose
from assistant.machine.disk_room import DATABASE_BYTES, refuse_full_disk
from assistant.machine.logs import about
from assistant.machine.process_mark import ProcessMark
from assistant.machine.troubles import Watch
from assistant.models.exports import Exports
from assistant.models.studies import Studies
from assistant.models.tracking.companion import Companion
from assistant.models.tracking.tracker import Tracker
from assistant.plans.card import plan_key
from assistant.plans.continuing import NotContinued, NotDuplicated, continue_run, planned_instead
from assistant.refused import Refused
from assistant.runs.artifacts import open_artifacts
from assistant.runs.executors import open_executor, order_id
from assistant.runs.files import open_files
from assistant.runs.keeping import Keeper
from assistant.runs.leases import Leases
from assistant.runs.place import Place, place_of
from assistant.runs.queue import Becomes
from assistant.runs.reports import Reports
from assistant.runs.run_tokens import RunTokens
from assistant.runs.space import Room, Space
from assistant.runs.supervisor import Supervisor
from assistant.settings import SettingError, Settings
from assistant.state import renamed
from assistant.store.database import Database
from assistant.store.tables import ENDED, DatasetRow, GroupRow, ProposalRow, RunRow
from engine.contract.jobs import SpecError
from prompts.languages import Language

logger = logging.getLogger(__name__)

RECENT_RUNS = 20
TRY_AGAIN_SECONDS = 2.0


class Workspace:
    """Use `async with Workspace.open(settings) as workspace:`; the supervisor works only inside `workspace.working()`."""

    def __init__(self, settings: Settings, database: Database, provider: Provider, place: Place, mark: ProcessMark):
        parts = Parts(settings, database, provider, place, mark)
        self.settings, self.database, self.provider = settings, database, provider
        self.mask, self.metrics = parts.mask, parts.metrics
        self.datasets, self.proposals, self.runs, self.groups, self.models, self.predictions = (
            parts.datasets, parts.proposals, parts.runs, parts.groups, parts.models, parts.predictions
        )  # fmt: skip
        self.conversations = Conversations(parts)
        self._working: set[asyncio.Task[None]] = set()
        self._room = Room(parts.files, settings.home)
        self.finder = Finder(database)
        self.exports = Exports(settings, parts.runs)
        self.studies = Studies(database, self.predictions, parts.models.registry, parts.datasets)
        self.executor, self.attempts = parts.executor, parts.attempts
        self.reports = Reports(settings, self.runs, self.attempts, RunTokens(settings))
        self.supervisor = Supervisor(
            self.runs, self.attempts, Leases(database, mark), self.executor, settings, ended=self._ended
        )
        self.tracker = Tracker(settings, database, self.runs, self.models.registry)
        self.companion = Companion(settings, self.tracker)
        self.keeper = Keeper(self.runs, parts.artifacts)
        self.coordinator = Coordinator(self.runs, self.groups, ended=self._tell_end_of_group)

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator["Workspace"]:
        """Make the home folder, migrate the database, connect.

        Raises:
            SettingError: a setting cannot be used, such as an LLM address that is none.
            OSError, OperationalError: the disk is full, or the database cannot be used (assistant/machine/troubles.py words it).
        """
        provider = choose(settings)
        await asyncio.to_thread(open_executor, settings.executor, settings, open_files(settings))
        await asyncio.to_thread(open_artifacts, settings)
        place, mark = await asyncio.to_thread(_make_home, settings)
        async with AsyncExitStack() as ending:
            ending.push_async_callback(asyncio.to_thread, mark.give_up)
            try:
                database = await Database.open(settings.database_url)
            except OperationalError:
                await asyncio.to_thread(
                    refuse_full_disk, settings.home, wanted=DATABASE_BYTES, what="the database is opened"
                )
                raise
            ending.push_async_callback(database.close)
            workspace = cls(settings, database, provider, place, mark)
            ending.push_async_callback(workspace.conversations.close)
            ending.push_async_callback(workspace.predictions.close)
            ending.push_async_callback(workspace.tracker.close)
            ending.push_async_callback(workspace.exports.close)
            ending.push_async_callback(workspace.studies.close)
            with workspace.mask.over_logs():
                await workspace.runs.adopt()
                yield workspace

    async def rename_dataset(self, name: str, new: str) -> DatasetRow:
        """Call a data set otherwise, also on the cards of open plans.

        Raises:
            DatasetError: unknown, or a bad or taken name.
        """
        row, plans = await self.datasets.rename(name, new)
        for plan in plans:
            if plan.conversation is not None:
                conversation = await self.conversations.get(plan.conversation)
                if (item := await conversation.transcript.get(plan_key(plan.id))) is not None:
                    shown = renamed_in(item.model_dump(), name, row.name)
                    await conversation.transcript.show(plan_key(plan.id), type(item).model_validate(shown))
                await conversation.memory.change(partial(renamed, old=name, new=row.name))
        return row

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Supervise runs while the block is open (the server does), and tell the ends that nobody was there to tell."""
        await self.datasets.clear_up()
        await self.conversations.forget_unused()
        for run in await self.runs.list(limit=RECENT_RUNS):
            if run.state in ENDED and self.runs.place.has(run):
                self._tell_end_of(run)
        for run in await self.runs.to_register():
            self._register(run)
        for group in await self.groups.latest():
            if group.ended is not None and group.home == self.runs.place.home:
                self._tell_end_of_group(group)
        try:
            async with (
                self.supervisor.working(),
                self.coordinator.working(),
                self.keeper.working(),
                self.companion.working(),
            ):
                yield
        finally:
            await self.conversations.close()
            for task in self._working:
                task.cancel()
            await asyncio.gather(*self._working, return_exceptions=True)

    async def printed_elsewhere(self, run: RunRow, lines: int = 200) -> Sequence[str]:
        """The last lines that the run's process printed, of a run that computes where no disk is shared: as far as its executor knows them."""
        executor = self.executor(run.executor)
        if executor.shares_disk or not run.attempts:
            return []
        printed = await executor.logs(order_id(run.id, run.attempts), lines)
        return [self.mask.text(line) for line in printed]

    async def continue_run(self, run: str) -> RunRow:
        """Continue a run that ended without a result, in the conversation that it belongs to.

        Raises:
            UnknownRun, NotContinued, DatasetError: it is not continued, in words; `new_plan` or `new_plan_unknown` where its images have
                changed and a new plan is shown.
        """
        row = await self.runs.get(run)
        if row.conversation is None:
            return await continue_run(self.datasets, self.runs, row)
        try:
            made = await (await self.conversations.get(row.conversation)).cards.continue_run(row)
        except SpecError as error:
            hint = "plan the training anew, with other settings"
            raise NotContinued("not_started", str(error), hint, row.id) from None
        if isinstance(made, RunRow):
            return made
        raise planned_instead(row)

    async def duplicate_run(self, run: str, conversation: str | None, language: Language) -> tuple[str, ProposalRow]:
        """A new plan with the settings of a run, open for changes; nothing starts. The conversation that shows it, and the plan.

        Args:
            conversation: that shows it; None: the run's own, else a new one.

        Raises:
            UnknownRun, UnknownConversation, NotDuplicated, DatasetError: there is none, in words.
        """
        row = await self.runs.get(run)
        shown = conversation or row.conversation
        opened = await (self.conversations.get(shown) if shown else self.conversations.create(language))
        if not shown:
            await self.conversations.rename(opened.id, row.name or f"{title_of(row)} · {row.dataset}")
        try:
            return opened.id, await opened.cards.plan_again(row)
        except SpecError as error:
            raise NotDuplicated(row, error) from None

    async def space(self) -> Space:
        """How much room the files of this home's runs take."""
        return await asyncio.to_thread(self._room.taken, *await self.runs.states())

    async def find_runs(self, asked: Asked, *, first: int = 0, most: int = PAGE) -> Found:
        """At most so many of the runs that are asked for, from this one on; by their room on the disk only these are looked at."""
        room = (await self.space()).runs if asked.sort.removeprefix("-") == "room" else None
        return await self.finder.page(asked, first=first, most=most, room=room)

    def _ended(self, run: RunRow) -> None:
        self._register(run)
        self._tell_end_of(run)

    def _register(self, run: RunRow) -> None:
        """Make a run that has ended well a version of the model that it was begun for, beside everything else."""
        if run.state == "succeeded" and (wanted := Becomes.of(run)) is not None:
            self._beside(self._registered(run.id, wanted))

    async def _registered(self, run: str, wanted: Becomes) -> None:
        registering = Watch()
        while True:
            with registering.over(f"{run} is registered"):
                try:
                    await self.models.register_ended(run, wanted)
                except Refused as error:
                    logger.warning("%s is not registered as %s: %s", run, wanted.model, error)
                return
            await asyncio.sleep(TRY_AGAIN_SECONDS)

    def _tell_end_of(self, run: RunRow) -> None:
        """A run has ended: say so in its conversation, beside everything else (an LLM may take its time). Told once. Of the runs of a group
        the end of the group tells."""
        if run.group is None:
            self._tell_in(run.conversation, f"the end of {run.id}", lambda room: room.tell_end_of(run))
        else:
            self.groups.added.set()  # the next may begin

    def _tell_end_of_group(self, group: GroupRow) -> None:
        self._tell_in(group.conversation, f"the end of {group.id}", lambda room: room.tell_end_of_group(group))

    def _tell_in(
        self, conversation: str | None, what: str, tell: Callable[[Conversation], Coroutine[Any, Any, None]]
    ) -> None:
        if conversation is not None:
            with about(conversation=conversation):
                self._beside(self._tell(conversation, what, tell))

    def _beside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._working.add(task)
        task.add_done_callback(self._working.discard)

    async def _tell(
        self, conversation: str, what: str, tell: Callable[[Conversation], Coroutine[Any, Any, None]]
    ) -> None:
        telling = Watch()
        while True:
            with telling.over(what):
                try:
                    await tell(await self.conversations.get(conversation))
                except LookupError as error:
                    logger.warning("%s could not be told: %s", what, error)
                return
            await asyncio.sleep(TRY_AGAIN_SECONDS)


def _make_home(settings: Settings) -> tuple[Place, ProcessMark]:
    try:
        settings.home.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.home):  # a folder that was there may be read-only
            pass
        place = place_of(settings.home)
        return place, ProcessMark(settings.home, place.home)
    except OSError as error:
        raise SettingError(
            f"the home folder {settings.home} cannot be written ({error.strerror}); make room there or give the rights to it, "
            "or set MURASCOPE_HOME to another"
        ) from None
