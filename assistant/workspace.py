"""Everything that one installation works on, opened together: settings, database, data sets, plans, runs, conversations."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from pydantic_ai.exceptions import AgentRunError

from assistant.conversations import Conversations
from assistant.datasets import Datasets
from assistant.frames import Language
from assistant.proposals import Proposals
from assistant.providers import Provider, choose, open_model
from assistant.results import NoResults
from assistant.runs.executors.local import LocalExecutor
from assistant.runs.queue import Queue
from assistant.runs.supervisor import Supervisor
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.store.tables import RunRow
from assistant.summaries import run_facts, summarize, word

logger = logging.getLogger(__name__)


class Workspace:
    """Use `async with Workspace.open(settings) as workspace:`; the supervisor works only inside `workspace.working()`."""

    def __init__(self, settings: Settings, database: Database, provider: Provider):
        self.settings, self.database, self.provider = settings, database, provider
        self.datasets = Datasets(settings, database)
        self.proposals = Proposals(database)
        self.runs = Queue(settings, database)
        self.supervisor = Supervisor(self.runs, LocalExecutor(settings), slots=settings.slots, ended=self._tell_end_of)
        self.conversations = Conversations(self)

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: Settings) -> AsyncIterator["Workspace"]:
        """Make the home folder, migrate the database, connect.

        Raises:
            ValueError: a setting cannot be used, such as an LLM address that is none.
        """
        provider = choose(settings)
        settings.runs_folder.mkdir(parents=True, exist_ok=True)
        database = await Database.open(settings.database_url)
        workspace = cls(settings, database, provider)
        try:
            yield workspace
        finally:
            await workspace.conversations.close()
            await database.close()

    @asynccontextmanager
    async def working(self) -> AsyncIterator[None]:
        """Supervise runs while the block is open (the server does)."""
        async with self.supervisor.working():
            yield

    async def summary(self, run: RunRow, language: Language) -> str:
        """The run in plain words, Markdown: an LLM's wording where one is configured and every number holds, else our own.

        Raises:
            NoResults: the run has no evaluation.
        """
        facts = run_facts(run, self.runs.folder(run.id))
        if self.provider.name == "built-in":
            return word(facts, language)
        try:
            async with open_model(self.provider, self.settings) as model:
                return await summarize(facts, language, model)
        except AgentRunError as error:
            logger.warning("the LLM gave no summary of %s (%s); using our own wording", run.id, type(error).__name__)
            return word(facts, language)

    async def _tell_end_of(self, run: RunRow) -> None:
        """A run of a conversation has ended: say so there."""
        if run.conversation is None:
            return
        try:
            await (await self.conversations.get(run.conversation)).tell_end_of(run)
        except (LookupError, NoResults) as error:
            logger.warning("the end of %s could not be told: %s", run.id, error)
