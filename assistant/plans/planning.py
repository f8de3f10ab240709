"""Training plans in a conversation: made, drawn as a card, and, once approved, launched.

What a plan is stands in plan.py, its card in card.py, where it is stored in proposals.py. This is what tools and the person's own
acts do with it.
"""

from assistant.frames import RunItem
from assistant.kinds import kind_of_spec
from assistant.plans import launching
from assistant.plans.card import plan_item, plan_key
from assistant.plans.plan import Plan, plan
from assistant.store.tables import ProposalRow, RunRow
from assistant.tools.desk import Desk


async def propose(desk: Desk, plan: Plan) -> ProposalRow:
    """Store a plan and show its card; it takes the place of older open ones."""
    row, superseded = await desk.proposals.add(plan, conversation=desk.conversation)
    for old in superseded:
        await desk.update(plan_key(old.id), state="superseded")
    await show_plan(desk, row, plan)
    return row


async def show_plan(desk: Desk, row: ProposalRow, plan: Plan) -> None:
    """Draw the plan's card anew."""
    await desk.show(plan_key(row.id), await plan_item(desk.runs, row, plan))


async def plan_anew(desk: Desk, row: ProposalRow) -> Plan:
    """What the stored plan is on the data as it is now.

    Raises:
        SpecError, DatasetError: it cannot be trained any more, in words.
    """
    return await plan(
        desk.settings,
        desk.datasets,
        desk.runs,
        kind=kind_of_spec(row.spec).name,
        dataset=row.dataset,
        model=row.subject,
        chosen=row.chosen,
    )


async def take_up(desk: Desk, row: ProposalRow) -> ProposalRow:
    """Open a declined or superseded plan again: checked anew on the data as it is now, and shown. Nothing starts.

    Raises:
        SpecError, DatasetError: it cannot be trained any more, in words.
        StalePlan: it was taken up, or decided, in the meantime.
    """
    made = await plan_anew(desk, row)
    opened, superseded = await desk.proposals.take_up(row, made)
    for other in superseded:
        await desk.update(plan_key(other.id), state="superseded")
    await show_plan(desk, opened, made)
    return opened


async def launch(desk: Desk, row: ProposalRow) -> RunRow:
    """Queue the run of an approved plan and show its card. However often it is called, a plan has one run.

    Raises:
        DatasetError: the data set is gone.
        OSError: the run's folder cannot be written.
    """
    run = await launching.launch(desk.datasets, desk.proposals, desk.runs, row)
    await desk.update(plan_key(row.id), state="approved", run=run.id)
    await desk.show(f"run-{run.id}", RunItem(run=run.id))
    return run
