"""The plans and runs of a conversation, each with its card: what is done to one is shown on the other."""

from typing import Any

from assistant.chat.memory import Memory
from assistant.chat.parts import Parts
from assistant.chat.transcript import Transcript
from assistant.data.datasets import DatasetError
from assistant.frames import GroupItem, ProposalItem, RunItem
from assistant.plans.card import plan_item, plan_key, with_refusal
from assistant.plans.continuing import OTHER_IMAGES, NotContinued, continue_run, plan_again
from assistant.plans.launching import launch, what_started
from assistant.plans.plan import Plan
from assistant.runs.groups import is_group
from assistant.state import PlanVersion, undone, with_plan, with_run, without_plan
from assistant.store.tables import GroupRow, ProposalRow, RunRow
from assistant.tools.desk import Undone
from engine.contract.jobs import SpecError


class PlanCards:
    """Those of one conversation. What tools may do of it is the protocol `Cards` (assistant/tools/desk.py)."""

    def __init__(self, parts: Parts, transcript: Transcript, memory: Memory):
        self._parts, self._transcript, self._memory = parts, transcript, memory

    # ---- plans ----

    async def propose(self, plan: Plan) -> ProposalRow:
        """Store a plan and show its card; it takes the place of older open ones."""
        row, superseded = await self._parts.proposals.add(plan, conversation=self._transcript.conversation)
        await self.superseded(superseded)
        await self.draw(row, plan)
        return row

    async def revise(self, row: ProposalRow, plan: Plan) -> ProposalRow:
        """Give an open plan this content.

        Raises:
            StalePlan: it was changed or decided in the meantime.
        """
        revised = await self._parts.proposals.revise(row.id, row.revision, plan)
        await self.draw(revised, plan)
        return revised

    async def reopen(self, row: ProposalRow) -> ProposalRow:
        """Open a declined or superseded plan again, on the data as it is now; it waits for its yes like a new one.

        Raises:
            SpecError, DatasetError: it cannot be trained any more, in words.
            StalePlan: it was reopened, or decided, in the meantime.
        """
        opened, plan, superseded = await self._parts.plan_acts.reopen(row)
        await self.superseded(superseded)
        await self.draw(opened, plan)
        return opened

    async def undo(self) -> Undone | None:
        """The open plan as it was before its last change: with other settings, or another plan that it took the place of. None where
        there is none, or it was not changed.

        Raises:
            SpecError, DatasetError: it cannot be trained so any more, in words.
            StalePlan: it was changed or decided in the meantime.
        """
        plans, acts = (await self._memory.state()).plans, self._parts.plan_acts
        if len(plans) < 2:
            return None
        then, was = plans[-2], await self._parts.proposals.get(plans[-1].proposal)
        earlier = await self._parts.proposals.get(then.proposal)
        if was is None or earlier is None:
            return None
        if earlier.id == was.id:
            taken_back = dict.fromkeys(was.chosen.keys() - then.chosen.keys())
            changes = {**taken_back, **then.chosen, "dataset": then.dataset, "model": then.model}
            row, plan = await acts.edit(was, was.revision, changes)
        else:
            row, plan, superseded = await acts.reopen(earlier)
            await self.superseded(superseded)
        await self._memory.change(lambda state: undone(state, _version(row)))
        await self.draw(row, plan)
        return Undone(was, row)

    async def draw(self, row: ProposalRow, plan: Plan) -> None:
        """Show the plan's card, or draw it anew; the conversation remembers what it was before."""
        state = await self._memory.change(lambda state: with_plan(state, _version(row)))
        item = await plan_item(self._parts.runs, row, plan)
        item = item.model_copy(update={"can_be_undone": len(state.plans) > 1})
        await self._transcript.show(plan_key(row.id), item)

    async def draw_refusal(self, row: ProposalRow, error: SpecError | DatasetError, changes: dict[str, Any]) -> None:
        """Say on the card why it was not changed so."""
        if (item := await self.card_of(row.id)) is not None:
            await self._transcript.show(plan_key(row.id), with_refusal(item, error, changes))

    async def withdraw(self, row: ProposalRow) -> None:
        """Decline an open plan; it can be opened again.

        Raises:
            StalePlan: it was changed or decided in the meantime.
        """
        await self._parts.plan_acts.decline(row)
        await self.declined(row)

    async def declined(self, row: ProposalRow) -> None:
        await self._memory.change(lambda state: without_plan(state, row.id))
        await self._transcript.update(plan_key(row.id), state="declined")

    async def superseded(self, rows: list[ProposalRow]) -> None:
        for row in rows:
            await self._transcript.update(plan_key(row.id), state="superseded")

    async def show_again(self, item: ProposalItem) -> None:
        """The plan is what was asked last: a plain yes means it."""
        await self._transcript.show(plan_key(item.proposal), item)

    async def card_of(self, proposal: str) -> ProposalItem | None:
        item = await self._transcript.get(plan_key(proposal))
        return item if isinstance(item, ProposalItem) else None

    # ---- runs ----

    async def launch(self, row: ProposalRow) -> RunRow | GroupRow:
        """Queue the run of an approved plan, or begin its group of runs. However often it is called, a plan has one.

        Raises:
            DatasetError: the data set is gone.
            OSError: the run's folder cannot be written.
        """
        parts = self._parts
        run = await launch(parts.datasets, parts.proposals, parts.runs, parts.groups, row)
        await self.started(row, run)
        return run

    async def started(self, row: ProposalRow, run: RunRow | GroupRow) -> None:
        """The plan was approved, and this is its run, or its group of runs."""
        await self._memory.change(lambda state: without_plan(state, row.id))
        await self._transcript.update(plan_key(row.id), state="approved", run=run.id)
        if isinstance(run, GroupRow):
            await self._transcript.show(f"group-{run.id}", GroupItem(group=run.id))
        else:
            await self.show_run(run)

    async def what_started(self, proposal: str) -> dict[str, Any] | None:
        """What is told of the run of an approved plan, whose start is finished where it was cut off; None where nobody approved it."""
        row = await self._parts.proposals.get(proposal)
        if row is None or row.state != "approved":
            return None
        started = await self._started_as(row.run) if row.run else await self.launch(row)
        return await what_started(self._parts.runs, started)

    async def _started_as(self, started: str) -> RunRow | GroupRow:
        return await (self._parts.groups if is_group(started) else self._parts.runs).get(started)

    async def finish_start(self, row: ProposalRow) -> bool:
        """Finish a start that was cut off between the yes and the run's card; whether there was one."""
        now, shown = await self._parts.proposals.get(row.id), await self.card_of(row.id)
        if now is None or now.state != "approved" or shown is None or shown.state != "open":
            return False
        await self.launch(now)
        return True

    async def continue_run(self, row: RunRow) -> RunRow | ProposalRow:
        """The run that continues this one, or where the images are not the approved ones a new plan in its place.

        Raises:
            NotContinued, DatasetError: it is not continued, in words.
            SpecError: there is to be a plan, and the images cannot be trained on like this any more.
        """
        parts, conversation = self._parts, self._transcript.conversation
        try:
            run = await continue_run(parts.datasets, parts.runs, row, conversation=conversation)
        except NotContinued as refused:
            if refused.code not in OTHER_IMAGES:
                raise
            return await self.plan_again(row)
        await self.show_run(run)
        return run

    async def plan_again(self, row: RunRow) -> ProposalRow:
        """A new plan with the settings of this run; nothing starts.

        Raises:
            SpecError, DatasetError: it cannot be trained any more, in words.
        """
        parts = self._parts
        return await self.propose(await plan_again(parts.settings, parts.datasets, parts.runs, row))

    async def show_run(self, run: RunRow) -> None:
        await self._memory.change(lambda state: with_run(state, run.id))
        await self._transcript.show(f"run-{run.id}", RunItem(run=run.id))


def _version(row: ProposalRow) -> PlanVersion:
    return PlanVersion(proposal=row.id, kind=row.kind, dataset=row.dataset, model=row.subject, chosen=dict(row.chosen))
