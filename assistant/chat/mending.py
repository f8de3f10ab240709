"""After a restart: what a kill kept from being shown in a conversation is shown, and what was under way then is not any more."""

from functools import partial

from assistant.chat.answering import Answering
from assistant.chat.memory import Memory
from assistant.chat.parts import Parts
from assistant.chat.plan_cards import PlanCards
from assistant.chat.transcript import Transcript
from assistant.frames import ProposalItem
from assistant.plans.card import plan_key
from assistant.state import without_plan


async def mend(parts: Parts, transcript: Transcript, memory: Memory, cards: PlanCards, answering: Answering) -> None:
    """Settle what stands in the transcript, unless another process works on it; then the card of each run, and what became of each plan."""
    if await answering.who() != "elsewhere":
        await transcript.settle()
    for row in await parts.proposals.of(transcript.conversation):
        shown = await transcript.get(plan_key(row.id))
        is_under_way = row.state == "approved" and row.run is None  # the next yes finishes it: PlanCards.finish_start
        if isinstance(shown, ProposalItem) and not is_under_way and (shown.state, shown.run) != (row.state, row.run):
            await transcript.update(plan_key(row.id), state=row.state, run=row.run)
            if row.state != "open":
                await memory.change(partial(without_plan, proposal=row.id))
    for run in reversed(await parts.runs.list(conversation=transcript.conversation)):
        if await transcript.get(f"run-{run.id}") is None:
            await cards.show_run(run)
