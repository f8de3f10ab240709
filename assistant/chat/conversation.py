"""A conversation: what the user sends, and what comes of it.

Frames come in from a page; the agent takes a turn over them (assistant/chat/turn.py); a yes, a no and an edit belong to the person and
never pass through the LLM. One turn at a time.
"""

import asyncio
import secrets
from collections.abc import Mapping
from typing import Any

from pydantic_ai import DeferredToolResults, ToolApproved, ToolDenied

from assistant.chat.decisions import Decision, Standing, decide, standing
from assistant.chat.open_questions import OpenQuestions
from assistant.chat.parts import Parts
from assistant.chat.run_ends import tell_end
from assistant.chat.transcript import Transcript
from assistant.chat.turn import Turn
from assistant.data.datasets import DatasetError
from assistant.frames import (
    Answer,
    Approve,
    AssistantItem,
    ConfirmItem,
    Decline,
    Edit,
    ErrorItem,
    HeatmapsItem,
    InFrame,
    Item,
    Language,
    ProposalItem,
    RunItem,
    Say,
    Stop,
    TakeUp,
    ToolItem,
    UserItem,
)
from assistant.kinds import kind_of_spec
from assistant.machine.troubles import EXPECTED, explain
from assistant.offline.said import Said, read
from assistant.offline.words import built_in_words
from assistant.plans.card import plan_key, plan_words, with_refusal
from assistant.plans.plan import plan
from assistant.plans.planning import launch, plan_anew, show_plan, take_up
from assistant.plans.proposals import StalePlan
from assistant.runs.going_on import NotGoneOn, go_on_or_plan
from assistant.store.tables import ProposalRow, RunRow
from assistant.tools import starter
from assistant.tools.desk import Desk
from engine.contract.jobs import SpecError

TITLE_LENGTH = 60
LAST_WORDS_S = 10.0


class FrameRefused(ValueError):
    """A frame cannot be carried out now. Worded by the page (locales: refused.<code>); the message is the English wording."""

    def __init__(self, code: str, message: str):
        self.code, self.message = code, message
        super().__init__(message)


class Conversation:
    """One conversation, shared by all its open pages."""

    def __init__(self, parts: Parts, conversation: str, *, title: str):
        self.id, self.title = conversation, title
        self._parts = parts
        self.transcript = Transcript(parts.database, conversation, parts.mask)
        self._questions = OpenQuestions(parts.histories, parts.proposals, self.transcript)
        self.items, self.subscribe = self.transcript.items, self.transcript.subscribe
        self._turn: Turn | None = None
        self._task: asyncio.Task[None] | None = None
        self._receiving = asyncio.Lock()

    @property
    def working(self) -> bool:
        """Whether an answer is being made right now."""
        return self._task is not None and not self._task.done()

    async def receive(self, frame: InFrame, language: Language) -> None:
        """Take a frame from a page. Returns as soon as the work is under way; `language` is the page's.

        Raises:
            FrameRefused: it cannot be done now (busy, stale, unknown).
        """
        if isinstance(frame, Stop):  # never waits behind anything
            if self._turn is not None:
                self._turn.stop()
            return
        async with self._receiving:
            match frame:
                case Say():
                    await self._say(frame, language)
                case Approve():
                    await self._approve(frame.proposal, frame.revision, language)
                case Decline():
                    await self._decline(frame.proposal, frame.reason, language)
                case Answer():
                    await self._answer(frame.call, yes=frame.yes, language=language)
                case Edit():
                    await self._edit(frame, language)
                case TakeUp():
                    await self._take_up(frame.proposal, language)

    async def finish(self) -> None:
        """Wait until the present answer is complete."""
        if self._task is not None:
            await asyncio.wait([self._task])

    async def close(self) -> None:
        if self._turn is not None:
            self._turn.stop()
        await self.finish()

    # ---- what the user says ----

    async def _say(self, frame: Say, page_language: Language) -> None:
        key = f"user-{frame.key}" if frame.key else f"user-{_new_key()}"
        if await self.transcript.get(key) is not None:
            return  # the page sent it again after a broken connection
        self._refuse_when_busy()
        text = frame.text.strip()
        if not text:
            raise FrameRefused("empty", "the message is empty")
        said = read(text, otherwise=page_language)
        language = said.language
        self.title = self.title or text[:TITLE_LENGTH]
        await self._parts.histories.note(self.id, language=language, title=self.title)
        open_before = await self._standing()
        await self.transcript.show(key, UserItem(text=text))
        try:
            if said.answer is None or not await self._carry_out(
                decide(said.answer, open_before), open_before, language
            ):
                self._begin(language, said=said, results=await self._questions.pass_over())
        except FrameRefused as refused:  # what is said is answered in the conversation, where it stands
            await self._speak(built_in_words("refused", language, {"code": refused.code, "message": refused.message}))
        if not self.working:
            self.transcript.tell_turn(working=False)  # the page showed that an answer is on its way

    async def _standing(self) -> Standing:
        waits_for = await self._questions.tools()
        talks = self._parts.provider.name != "built-in"
        return standing(await self.transcript.items(), waits_for=waits_for, talks=talks)

    async def _carry_out(self, decision: Decision, at: Standing, language: Language) -> bool:
        """Do what a bare word decides; whether it was for anything but the agent."""
        plan, question = at.plan or at.declined, next(iter(at.questions), None)
        match decision:
            case "pass_on":
                return False
            case "approve" if plan is not None:
                await self._approve(plan.proposal, plan.revision, language)
            case "decline" if plan is not None:
                await self._decline(plan.proposal, "", language)
            case "take_up" if plan is not None:
                await self._take_up(plan.proposal, language)
            case "yes_to_question" | "no_to_question" if question is not None:
                await self._answer(question.call, yes=decision == "yes_to_question", language=language)
            case _:
                facts = {
                    "plan": plan and plan_words(plan),
                    "question": question and question.model_dump(),
                    "runs": [each.values.get("run") for each in at.questions],
                }
                await self._speak(built_in_words(decision, language, facts))
                if plan is not None and question is None:
                    await self.transcript.show(plan_key(plan.proposal), plan)  # it is what was asked last
        return True

    # ---- yes, no, edit: the person's own acts ----

    async def _approve(self, proposal: str, revision: int, language: Language) -> None:
        await self._hear_out()
        row, desk = await self._own_plan(proposal), self.desk(language)
        try:
            await self._refuse_changed_data(row, desk)
            row = await self._parts.proposals.approve(proposal, revision)
        except StalePlan as error:
            if not await self.mend(proposal):
                raise FrameRefused("stale", str(error)) from None
            return
        except DatasetError as error:
            await self._show_error(error.code, error.message, error.hint, error.values)
            return
        try:  # the run starts at the person's word, even when no LLM answers afterwards
            run = await launch(desk, row)
        except (DatasetError, *EXPECTED) as error:
            why = error if isinstance(error, DatasetError) else explain(error)
            await self._parts.proposals.reopen(row.id)
            await self._show_error("not_started", f"the training could not be started: {why.message}", why.hint)
            return
        results = await self._questions.answer({starter(): ToolApproved(override_args={"proposal": row.id})})
        if results is None:
            facts = {"run": run.id, "waits_for": await desk.runs.waits_for(run)}
            await self._speak(built_in_words("result", language, facts, tool=starter()))
        else:
            self._begin(language, results=results)

    async def _refuse_changed_data(self, row: ProposalRow, desk: Desk) -> None:
        """What was approved must be what is trained: a plan whose data changed since is drawn anew and asked for again.

        Raises:
            DatasetError: the data set is gone, or holds nothing to train on any more.
            FrameRefused: its images are not those that the card tells of.
        """
        facts = await desk.datasets.facts(row.dataset)
        if row.state == "open" and row.fingerprint not in (
            None,
            facts["fingerprint"],
        ):  # none: made by an older version
            made = await plan_anew(desk, row)
            await show_plan(desk, await self._parts.proposals.revise(row.id, row.revision, made), made)
            raise FrameRefused(
                "data_changed",
                "the images changed since this plan was made; look at the new figures, then approve again",
            )

    async def mend_cards(self) -> None:
        """After a restart: show what a kill kept from being shown, the card of a run and what became of a plan."""
        for row in await self._parts.proposals.of(self.id):
            shown = await self.transcript.get(plan_key(row.id))
            is_under_way = row.state == "approved" and row.run is None  # the next yes finishes it: see `mend`
            if (
                isinstance(shown, ProposalItem)
                and not is_under_way
                and (shown.state, shown.run) != (row.state, row.run)
            ):
                await self.transcript.update(plan_key(row.id), state=row.state, run=row.run)
        for run in reversed(await self._parts.runs.list(conversation=self.id)):
            if await self.transcript.get(f"run-{run.id}") is None:
                await self.transcript.show(f"run-{run.id}", RunItem(run=run.id))

    async def mend(self, proposal: str) -> bool:
        """Finish a start that was cut off between the yes and the run's card; whether there was one."""
        row, shown = await self._parts.proposals.get(proposal), await self.transcript.get(plan_key(proposal))
        if row is None or row.state != "approved" or not isinstance(shown, ProposalItem) or shown.state != "open":
            return False
        await launch(self.desk(await self._parts.histories.language(self.id)), row)
        return True

    async def _decline(self, proposal: str, reason: str, language: Language) -> None:
        await self._hear_out()
        await self._own_plan(proposal)
        if await self._parts.proposals.decline(proposal) is None:
            raise FrameRefused("stale", "this plan was decided already")
        await self.transcript.update(plan_key(proposal), state="declined")
        results = await self._questions.answer({starter(): ToolDenied("The user declined the plan.")})
        if reason.strip():  # what to do instead is said like anything else
            await self.transcript.show(f"user-{_new_key()}", UserItem(text=reason.strip()))
            said = read(reason.strip(), otherwise=language)
            self._begin(said.language, said=said, results=results)
        elif results is None:
            await self._speak(built_in_words("declined", language, {}))
        else:
            self._begin(language, results=results)

    async def _answer(self, call_id: str, *, yes: bool, language: Language) -> None:
        self._refuse_when_busy()
        if call_id not in await self._questions.tools():
            raise FrameRefused("stale", "this question was answered already")
        self._begin(
            language,
            results=await self._questions.answer({call_id: ToolApproved() if yes else ToolDenied("The user said no.")}),
        )

    async def _edit(self, frame: Edit, language: Language) -> None:
        row = await self._own_plan(frame.proposal)
        if row.state != "open" or row.revision != frame.revision:
            raise FrameRefused("stale", f"plan {row.id} was changed or decided in the meantime; look at it again")
        changes = dict(frame.changes)
        dataset, model = str(changes.pop("dataset", row.dataset)), str(changes.pop("model", row.subject))
        chosen = {name: value for name, value in {**row.chosen, **changes}.items() if value not in (None, "")}
        desk = self.desk(language)
        try:
            made = await plan(
                desk.settings,
                desk.datasets,
                desk.runs,
                kind=kind_of_spec(row.spec).name,
                dataset=dataset,
                model=model,
                chosen=chosen,
            )
            await show_plan(desk, await self._parts.proposals.revise(row.id, row.revision, made), made)
        except StalePlan as error:
            raise FrameRefused("stale", str(error)) from None
        except (SpecError, DatasetError) as error:
            item = await self.transcript.get(plan_key(row.id))
            if isinstance(item, ProposalItem):
                await self.transcript.show(plan_key(row.id), with_refusal(item, error, changes))

    async def _take_up(self, proposal: str, language: Language) -> None:
        """Open a plan again that was declined or replaced. Nothing starts; it is checked anew and waits for its own yes."""
        await self._hear_out()
        row = await self._own_plan(proposal)
        if row.state not in ("declined", "superseded"):
            raise FrameRefused(
                "stale", f"plan {row.id} is {row.state}; only a declined or replaced one is taken up again"
            )
        try:
            await take_up(self.desk(language), row)
        except StalePlan as error:
            raise FrameRefused("stale", str(error)) from None
        except (SpecError, DatasetError) as error:
            if isinstance(error, DatasetError):
                await self._show_error(error.code, error.message, error.hint, error.values)
            else:
                await self._show_error("not_taken_up", str(error), "ask for the training anew, with other settings")
            return
        shown = await self.transcript.get(plan_key(row.id))
        if isinstance(shown, ProposalItem):
            await self._speak(built_in_words("take_up", language, {"plan": plan_words(shown)}))
            await self.transcript.show(plan_key(row.id), shown)

    async def _own_plan(self, proposal: str) -> ProposalRow:
        row = await self._parts.proposals.get(proposal)
        if row is None or row.conversation != self.id:
            raise FrameRefused("unknown_plan", f"there is no plan {proposal!r} in this conversation")
        return row

    # ---- the end of a run ----

    async def tell_end_of(self, run: RunRow) -> None:
        """Explain a run that has just ended, beside nothing else that is being said."""
        await self.finish()
        await tell_end(self._parts, self.transcript, run, await self._parts.histories.language(self.id))

    async def go_on(self, run: RunRow) -> RunRow:
        """Take up a run that ended without a result, at a person's word. Where its images have changed, a new plan is shown instead.

        Raises:
            NotGoneOn, DatasetError: it does not go on, in words; `new_plan` or `new_plan_unknown` when there is one now.
        """
        desk = self.desk(await self._parts.histories.language(self.id))
        try:
            made = await go_on_or_plan(desk, run)
        except SpecError as error:
            raise NotGoneOn("not_started", str(error), "plan the training anew, with other settings", run.id) from None
        if isinstance(made, RunRow):
            return made
        hint = "approve the new plan that waits in its conversation"
        if run.fingerprint is None:
            message = f"it is not on record which images run {run.id} was approved for"
            raise NotGoneOn("new_plan_unknown", message, hint, run.id)
        raise NotGoneOn("new_plan", f"the images of run {run.id} changed", hint, run.id)

    # ---- turns ----

    def desk(self, language: Language) -> Desk:
        """What the tools may reach from this conversation."""
        parts = self._parts
        return Desk(
            settings=parts.settings,
            datasets=parts.datasets,
            proposals=parts.proposals,
            runs=parts.runs,
            conversation=self.id,
            language=language,
            show=self.transcript.show,
            update=self.transcript.update,
            spoken_of=self._spoken_of,
        )

    async def _spoken_of(self) -> list[str]:
        """The runs that this conversation showed, told of or asked for, the latest first."""
        items = sorted(await self.transcript.items(), key=lambda each: each[1], reverse=True)
        named = [_run_of(item) for _, _, item in items]
        return list(dict.fromkeys(run for run in named if run is not None))

    def _begin(
        self, language: Language, *, said: Said | None = None, results: DeferredToolResults | None = None
    ) -> None:
        self._turn = Turn(self._parts, self.transcript, self.desk(language))
        self._task = asyncio.create_task(self._turn.take(said=said, results=results))

    async def _hear_out(self) -> None:
        """The card stands there before the last words about it: a decision taken meanwhile waits a little for their end.

        Raises:
            FrameRefused: the answer takes longer than that.
        """
        if self.working and self._task is not None:
            await asyncio.wait([self._task], timeout=LAST_WORDS_S)
        self._refuse_when_busy()

    def _refuse_when_busy(self) -> None:
        if self.working:
            raise FrameRefused("busy", "an answer is being made; stop it or wait until it is complete")

    async def _show_error(self, code: str, message: str, hint: str, values: Mapping[str, Any] | None = None) -> None:
        item = ErrorItem(code=code, message=message, hint=hint, values=dict(values or {}))
        await self.transcript.show(f"error-{_new_key()}", item)

    async def _speak(self, text: str) -> None:
        await self.transcript.show(f"said-{_new_key()}", AssistantItem(text=text))


def _run_of(item: Item) -> str | None:
    match item:
        case RunItem(run=run) | HeatmapsItem(run=run) | ToolItem(state="done", result={"run": str(run)}):
            return run
        case ConfirmItem(values={"run": str(run)}):
            return run
    return None


def _new_key() -> str:
    return secrets.token_hex(6)
