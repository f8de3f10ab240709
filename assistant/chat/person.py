"""A person's own acts in a conversation: yes, no and edits of plans, answers to questions.

They never pass through the LLM. What they do to a plan stands in assistant/plans/acts.py; here they are shown, and the agent hears of
what it had asked.
"""

from typing import Any

from pydantic_ai import ToolApproved, ToolDenied, ToolReturn

from assistant.chat.frame_refused import FrameRefused
from assistant.chat.open_questions import OpenQuestions
from assistant.chat.own_words import OwnWords, new_key
from assistant.chat.parts import Parts
from assistant.chat.plan_cards import PlanCards
from assistant.chat.transcript import Transcript
from assistant.chat.turns import Turns
from assistant.data.datasets import DatasetError
from assistant.frames import UserItem
from assistant.offline.said import read
from assistant.plans.acts import DataChanged, NotStarted
from assistant.plans.card import plan_words
from assistant.plans.launching import what_started
from assistant.plans.proposals import StalePlan
from assistant.store.tables import ProposalRow
from assistant.tools import starter
from engine.contract.jobs import SpecError
from prompts.languages import Language


class Person:
    """Who talks in one conversation."""

    def __init__(
        self,
        parts: Parts,
        transcript: Transcript,
        cards: PlanCards,
        questions: OpenQuestions,
        turns: Turns,
        words: OwnWords,
    ):
        self._parts, self._transcript, self._acts = parts, transcript, parts.plan_acts
        self._cards, self._questions, self._turns, self._words = cards, questions, turns, words

    async def approve(self, proposal: str, revision: int, language: Language) -> None:
        """Start the plan's run, once; the agent's own question about it is answered with what started."""
        await self._turns.hear_out()
        row = await self._own_plan(proposal)
        try:
            run = await self._acts.approve(row, revision)
        except StalePlan as error:
            if not await self._cards.finish_start(row):
                raise FrameRefused("stale", str(error)) from None
            return
        except DataChanged as changed:
            await self._cards.draw(changed.row, changed.plan)
            raise FrameRefused("data_changed", str(changed)) from None
        except DatasetError as error:
            await self._words.dataset_error(error)
            return
        except NotStarted as error:
            await self._words.error("not_started", error.message, error.hint)
            return
        await self._cards.started(row, run)
        facts = await what_started(self._parts.runs, run)
        results = await self._questions.answer({starter(): ToolReturn(facts)})
        if results is None:
            await self._words.say("result", language, facts, tool=starter())
        else:
            self._turns.begin(language, results=results)

    async def decline(self, proposal: str, language: Language, *, reason: str = "") -> None:
        await self._turns.hear_out()
        row = await self._own_plan(proposal)
        try:
            await self._acts.decline(row)
        except StalePlan as error:
            raise FrameRefused("stale", str(error)) from None
        await self._cards.declined(row)
        results = await self._questions.answer({starter(): ToolDenied("The user declined the plan.")})
        if reason.strip():  # what to do instead is said like anything else
            await self._transcript.show(f"user-{new_key()}", UserItem(text=reason.strip()))
            said = read(reason.strip(), otherwise=language)
            self._turns.begin(said.language, said=said, results=results)
        elif results is None:
            await self._words.say("declined", language, {})
        else:
            self._turns.begin(language, results=results)

    async def edit(self, proposal: str, revision: int, changes: dict[str, Any]) -> None:
        """Change settings of a plan; what cannot be so is said on its card."""
        row = await self._own_plan(proposal)
        try:
            await self._cards.draw(*await self._acts.edit(row, revision, changes))
        except StalePlan as error:
            raise FrameRefused("stale", str(error)) from None
        except (SpecError, DatasetError) as error:
            await self._cards.draw_refusal(row, error, changes)

    async def undo(self, proposal: str, revision: int) -> None:
        """Take the last change of a plan back."""
        row = await self._own_plan(proposal)
        try:
            undone = await self._cards.undo() if row.revision == revision else None
        except StalePlan as error:
            raise FrameRefused("stale", str(error)) from None
        except (SpecError, DatasetError) as error:
            await self._cards.draw_refusal(row, error, {})
            return
        if undone is None:
            raise FrameRefused("stale", "this plan was changed or decided in the meantime; look at it again")

    async def reopen(self, proposal: str, language: Language) -> None:
        """Open a plan again that was declined or replaced. Nothing starts; it is checked anew and waits for its own yes."""
        await self._turns.hear_out()
        row = await self._own_plan(proposal)
        if row.state not in ("declined", "superseded"):
            raise FrameRefused("stale", f"plan {row.id} is {row.state}; only a declined or replaced one is reopened")
        try:
            await self._cards.reopen(row)
        except StalePlan as error:
            raise FrameRefused("stale", str(error)) from None
        except DatasetError as error:
            await self._words.dataset_error(error)
            return
        except SpecError as error:
            await self._words.error("not_taken_up", str(error), "ask for the training anew, with other settings")
            return
        if (shown := await self._cards.card_of(row.id)) is not None:
            await self._words.say("reopened", language, {"plan": plan_words(shown)})
            await self._cards.show_again(shown)

    async def answer(self, call: str, *, yes: bool, language: Language) -> None:
        """Yes or no to a question on a card of its own."""
        self._turns.refuse_when_busy()
        if call not in await self._questions.tools():
            raise FrameRefused("stale", "this question was answered already")
        given = ToolApproved() if yes else ToolDenied("The user said no.")
        self._turns.begin(language, results=await self._questions.answer({call: given}))

    async def _own_plan(self, proposal: str) -> ProposalRow:
        row = await self._parts.proposals.get(proposal)
        if row is None or row.conversation != self._transcript.conversation:
            raise FrameRefused("unknown_plan", f"there is no plan {proposal!r} in this conversation")
        return row
