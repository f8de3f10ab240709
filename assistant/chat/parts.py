"""What conversations are made with: the parts of a workspace that know nothing of conversations themselves."""

import asyncio
import logging
from dataclasses import replace
from functools import cache

from pydantic_ai.exceptions import AgentRunError

from assistant.chat.histories import Histories
from assistant.data.datasets import Datasets
from assistant.llm.providers import Provider, open_model
from assistant.llm.summaries import summarize
from assistant.machine.masking import Mask, secrets_of
from assistant.machine.metrics import Metrics
from assistant.machine.process_mark import ProcessMark
from assistant.models.acts import Models
from assistant.models.serving.predictions import Predictions
from assistant.plans.acts import PlanActs
from assistant.plans.proposals import Proposals
from assistant.runs.artifacts import open_artifacts
from assistant.runs.attempts import Attempts
from assistant.runs.executors import open_executor
from assistant.runs.files import open_files
from assistant.runs.groups import Groups
from assistant.runs.place import Place
from assistant.runs.queue import Queue
from assistant.runs.same_data import on_the_same_data
from assistant.settings import Settings
from assistant.store.database import Database
from assistant.store.tables import RunRow
from assistant.telling.runs import Summary, sentences_of_run, summary_of
from prompts.languages import Language

logger = logging.getLogger(__name__)


class Parts:
    """Settings, database and provider, and what stands on them: data sets, plans, runs, the agent's memory."""

    def __init__(self, settings: Settings, database: Database, provider: Provider, place: Place, mark: ProcessMark):
        self.settings, self.database, self.provider, self.mark = settings, database, provider, mark
        self.mask, self.metrics = Mask(secrets_of(settings)), Metrics()
        self.datasets = Datasets(settings, database)
        self.proposals = Proposals(database)
        self.files = open_files(settings)
        self.artifacts = open_artifacts(settings)
        self.executor = cache(lambda name: open_executor(name, settings, self.files))
        self.runs = Queue(settings, database, self.mask, place, self.files, self.artifacts, self.executor)
        self.attempts = Attempts(database)
        self.groups = Groups(database, place)
        self.models = Models(settings, database, self.runs, self.datasets)
        self.predictions = Predictions(settings, database, self.runs, self.models.registry, self.metrics)
        self.plan_acts = PlanActs(settings, self.datasets, self.proposals, self.runs, self.groups)
        self.histories = Histories(database, self.mask)

    async def summary(self, run: RunRow, language: Language) -> Summary:
        """The run in plain words: of our sentences, put together by an LLM where one is configured, else by us.

        Raises:
            NoResults: the run has no evaluation.
        """
        folder, others = self.runs.folder_of(run), await on_the_same_data(self.runs, run)
        sentences = await asyncio.to_thread(sentences_of_run, run, folder, language, others)
        own = summary_of(run.kind, sentences, language)
        if self.provider.name == "built-in":
            return own
        try:
            async with open_model(self.provider, self.settings) as model:
                return replace(own, text=await summarize(sentences, own.text, language, model))
        except AgentRunError as error:
            logger.warning("the LLM gave no summary of %s (%s); using our own wording", run.id, type(error).__name__)
            return own
