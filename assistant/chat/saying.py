"""What a person says in a conversation: a bare word answers what was asked last, anything else goes to the agent."""

from collections.abc import Sequence

from assistant.chat.decisions import Decision, Standing, decide, standing
from assistant.chat.frame_refused import FrameRefused
from assistant.chat.histories import as_language
from assistant.chat.memory import Memory
from assistant.chat.open_questions import OpenQuestions
from assistant.chat.own_words import OwnWords, new_key
from assistant.chat.parts import Parts
from assistant.chat.person import Person
from assistant.chat.transcript import Transcript
from assistant.chat.turns import Turns
from assistant.frames import ChoicesItem, Item, Say, UserItem
from assistant.offline.said import read
from assistant.plans.card import plan_key, plan_words
from assistant.state import is_said, offer_taken, with_question
from engine.contract.jobs import every_model
from prompts.languages import Language

TITLE_LENGTH = 60

Items = Sequence[tuple[str, int, Item]]  # with their keys and revisions


class Saying:
    """What is said in one conversation. `title` is the beginning of the first thing that was, unless a person gave another."""

    def __init__(
        self,
        parts: Parts,
        transcript: Transcript,
        memory: Memory,
        person: Person,
        questions: OpenQuestions,
        turns: Turns,
        words: OwnWords,
        *,
        title: str,
    ):
        self._parts, self._transcript, self._memory, self._person = parts, transcript, memory, person
        self._questions, self._turns, self._words = questions, turns, words
        self.title = title

    async def say(self, frame: Say, page_language: Language) -> None:
        """Show what was said and see to its answer.

        Raises:
            FrameRefused: another answer is being made, or the message is empty.
        """
        told = self._transcript.told
        key, items = f"user-{frame.key or new_key()}", await self._transcript.items()
        if any(key == shown for shown, _, _ in items):
            return  # the page sent it again after a broken connection
        unseen = {shown for shown, revision, _ in items if revision > told > 0}  # what another process wrote meanwhile
        self._turns.refuse_when_busy()
        text = frame.text.strip()
        if not text:
            raise FrameRefused("empty", "the message is empty")
        row = await self._parts.histories.row(self._transcript.conversation)
        history = self._parts.histories.of(row)
        language = as_language(row.language) if self.title else page_language  # nothing was said before
        said = read(text, otherwise=language, names=await self._names())
        self.title = self.title or text[:TITLE_LENGTH]
        if (row.language, row.title) != (said.language, self.title):
            await self._parts.histories.note(row.id, language=said.language, title=self.title)
        talks = self._parts.provider.name != "built-in"
        open_before = standing(items, waits_for=await self._questions.tools(history), talks=talks)
        await self._transcript.show(key, UserItem(text=text))
        try:
            remembered = offer_taken(row.state, text)
            is_offer = remembered is not row.state
            is_choice = is_offer or any(
                is_said(each, text) for each in open_before.choices
            )  # be it called like an answer
            decision = decide(said.answer, open_before) if said.answer is not None and not is_choice else "pass_on"
            if decision == "approve" and open_before.plan and plan_key(open_before.plan.proposal) in unseen:
                decision = "tell_plan"  # another process has changed it: nobody says yes to what the page did not show
            if row.state.question is not None and decision != "ask_choice":
                await self._settle(items, text)
            if is_offer:
                await self._settle(items, text, offered=True)
            if decision == "pass_on":
                results = await self._questions.pass_over(history)
                self._turns.begin(said.language, said=said, remembered=remembered, history=history, results=results)
            else:
                await self._carry_out(decision, open_before, said.language)
        except FrameRefused as refused:  # what is said is answered in the conversation, where it stands
            await self._words.say("refused", said.language, {"code": refused.code, "message": refused.message})
        if not self._turns.working:
            self._transcript.tell_turn(working=False)  # the page showed that an answer is on its way

    async def _names(self) -> list[str]:
        """What is called the same in every language: data sets and models."""
        models = [each for name, params in every_model().items() for each in (name, params.title)]
        return [*await self._parts.datasets.names(), *models]

    async def _settle(self, items: Items, text: str, *, offered: bool = False) -> None:
        """Whatever is said answers what was asked back, or leaves it unanswered: it is not asked any more. What was `offered` is settled
        only by being taken."""
        for key, _, item in items:
            if isinstance(item, ChoicesItem) and item.state == "open" and item.offered == offered:
                chosen = next((each for each in item.choices if is_said(each, text)), None)
                if chosen is not None or not offered:
                    await self._transcript.update(key, state="settled", chosen=chosen)
        if offered:
            return
        await self._memory.change(lambda state: with_question(state, None))

    async def _carry_out(self, decision: Decision, at: Standing, language: Language) -> None:
        """Do what a bare word decides, or say why it decides nothing."""
        plan, question = at.plan or at.declined, next(iter(at.questions), None)
        match decision:
            case "approve" if plan is not None:
                await self._person.approve(plan.proposal, plan.revision, language)
            case "decline" if plan is not None:
                await self._person.decline(plan.proposal, language)
            case "reopen" if plan is not None:
                await self._person.reopen(plan.proposal, language)
            case "yes_to_question" | "no_to_question" if question is not None:
                await self._person.answer(question.call, yes=decision == "yes_to_question", language=language)
            case _:
                facts = {
                    "plan": plan and plan_words(plan),
                    "question": question and question.model_dump(),
                    "runs": [each.values.get("run") for each in at.questions],
                }
                await self._words.say(decision, language, facts)
                if plan is not None and question is None and not at.choices:
                    await self._transcript.show(plan_key(plan.proposal), plan)  # it is what was asked last
