"""A conversation, shared by all its open pages: the door where their frames come in, one at a time.

What a person says goes to saying.py, what he decides about plans, questions and runs to person.py; the agent's answers are turns
(turns.py), and all that is seen stands in the transcript.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from assistant.chat.answering import Answering
from assistant.chat.calls import Called, Calls
from assistant.chat.desks import Desks
from assistant.chat.group_ends import tell_end_of_group
from assistant.chat.memory import Memory
from assistant.chat.open_questions import OpenQuestions
from assistant.chat.own_words import OwnWords
from assistant.chat.parts import Parts
from assistant.chat.person import Person
from assistant.chat.plan_cards import PlanCards
from assistant.chat.run_ends import tell_end
from assistant.chat.saying import Saying
from assistant.chat.transcript import Transcript
from assistant.chat.turns import Turns
from assistant.frames import Answer, Approve, Decline, Edit, InFrame, Reopen, Say, Stop, Undo
from assistant.state import with_run
from assistant.store.tables import GroupRow, RunRow
from prompts.languages import Language


class Conversation:
    """The conversation `id`."""

    def __init__(self, parts: Parts, conversation: str, *, title: str):
        self.id, self._parts = conversation, parts
        self.transcript = Transcript(parts.database, conversation, parts.mask)
        self.answering = Answering(parts.database, conversation, parts.mark)
        self.items, self.subscribe = self.transcript.items, self.transcript.subscribe
        self.memory = Memory(parts.database, conversation, parts.mask)
        self.cards, words = PlanCards(parts, self.transcript, self.memory), OwnWords(self.transcript)
        questions = OpenQuestions(parts.histories, self.transcript, self.cards.what_started)
        desks = Desks(parts, self.transcript, self.memory, self.cards)
        self._turns = Turns(parts, self.transcript, desks, self.answering)
        self._person = Person(parts, self.transcript, self.cards, questions, self._turns, words)
        self._saying = Saying(
            parts, self.transcript, self.memory, self._person, questions, self._turns, words, title=title
        )
        self._calls = Calls(parts, self.transcript, desks, self.cards, questions, self._turns)
        self._receiving = asyncio.Lock()

    @property
    def title(self) -> str:
        return self._saying.title

    @title.setter
    def title(self, title: str) -> None:
        self._saying.title = title

    @property
    def working(self) -> bool:
        """Whether an answer is being made right now."""
        return self._turns.working

    async def receive(self, frame: InFrame, language: Language) -> None:
        """Take a frame from a page. Returns as soon as the work is under way; `language` is the page's.

        Raises:
            FrameRefused: it cannot be done now (busy, here or in another process; stale, unknown).
        """
        if isinstance(frame, Stop):  # never waits behind anything
            self._turns.stop()
            return
        async with self._answers_here():
            match frame:
                case Say():
                    await self._saying.say(frame, language)
                case Approve():
                    await self._person.approve(frame.proposal, frame.revision, language)
                case Decline():
                    await self._person.decline(frame.proposal, language, reason=frame.reason)
                case Answer():
                    await self._person.answer(frame.call, yes=frame.yes, language=language)
                case Edit():
                    await self._person.edit(frame.proposal, frame.revision, frame.changes)
                case Undo():
                    await self._person.undo(frame.proposal, frame.revision)
                case Reopen():
                    await self._person.reopen(frame.proposal, language)

    async def call(self, tool: str, arguments: Mapping[str, Any], language: Language) -> Called:
        """Call a tool for another program. What needs a yes is put before the people of this conversation, and not done.

        Raises:
            UnknownTool: there is no such tool.
            FrameRefused: an answer is being made, and takes its time.
        """
        async with self._answers_here():
            return await self._calls.call(tool, arguments, language)

    @asynccontextmanager
    async def _answers_here(self) -> AsyncIterator[None]:
        """One thing at a time, of all that is open on this conversation, in whatever process."""
        async with self._receiving:
            if await self.answering.claim() == "gone":
                await self.transcript.settle()
            try:
                yield
            finally:
                if not self._turns.working:  # else the turn does, at its end
                    await self.answering.release()

    async def tell_end_of(self, run: RunRow) -> None:
        """Explain a run that has just ended, beside nothing else that is being said."""
        await self.finish()
        if await tell_end(
            self._parts, self.transcript, self.memory, run, await self._parts.histories.language(self.id)
        ):
            await self.memory.change(lambda state: with_run(state, run.id))

    async def tell_end_of_group(self, group: GroupRow) -> None:
        """The same of a group of runs; its best run is what is spoken of then."""
        await self.finish()
        language = await self._parts.histories.language(self.id)
        for run in await tell_end_of_group(self._parts, self.transcript, group, language):
            await self.memory.change(partial(with_run, run=run))

    async def finish(self) -> None:
        """Wait until the present answer is complete."""
        await self._turns.finish()

    async def close(self) -> None:
        self._turns.stop()
        await self.finish()
