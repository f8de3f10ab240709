"""Tool: stop a training."""

from typing import Any

from pydantic_ai import ApprovalRequired, RunContext

from assistant.plans.proposals import StalePlan
from assistant.store.tables import ACTIVE, GroupRow
from assistant.tools import Traits
from assistant.tools.desk import Desk
from engine.contract.jobs import read_job

TRAITS = Traits(silent=True, asks_on="card", ends=True, rather=ACTIVE, groups=True)


async def stop_run(ctx: RunContext[Desk], run: str | None = None) -> dict[str, Any]:
    """Stop a waiting or running training. The user is asked first. It can be continued later (continue_run).

    Where the conversation has no training under way, but an open plan, the plan is withdrawn; it can be opened again (start_training).

    Args:
        run: id of the run, such as r12, or of a group of runs, such as g1, all of which are stopped then; left out: what is under way in
            this conversation.
    """
    desk = ctx.deps
    if (group := await _group(desk, run)) is not None:
        if not ctx.tool_call_approved:
            asked = {"group": group.id, "how": "group", "dataset": group.dataset, "model": group.subject}
            raise ApprovalRequired(metadata=asked)
        group = await desk.groups.stop(group.id)
        return {"group": group.id, "stop_requested": group.ended is None}
    if run is None and not ctx.tool_call_approved and (withdrawn := await _withdrawn(desk)) is not None:
        return withdrawn
    if run is None and not [row for state in ("running", "queued") for row in await desk.runs.list(state=state)]:
        raise desk.refuse("nothing_runs", "no training is running or waiting")
    row = await desk.run(run, rather=ACTIVE)
    if row.state not in ACTIVE and not ctx.tool_call_approved:
        raise desk.refuse("run_ended", f"run {row.id} has ended already ({row.state})", run=row.id, state=row.state)
    if not ctx.tool_call_approved:
        raise ApprovalRequired(metadata={"run": row.id, "dataset": row.dataset, "model": row.subject})
    row = await desk.runs.stop(row.id)
    return {"run": row.id, "state": row.state, "stop_requested": row.stop_requested}


async def _group(desk: Desk, run: str | None) -> GroupRow | None:
    """The group of runs that is meant: the one that is named, else where nothing is the latest of this conversation that goes on."""
    if run is None:
        under_way = [each for each in await desk.groups.under_way() if each.conversation == desk.conversation]
        return under_way[-1] if under_way else None
    return await desk.group(run)


async def _withdrawn(desk: Desk) -> dict[str, Any] | None:
    """The open plan, which alone can be meant where no training of this conversation is under way."""
    row = await desk.proposals.latest_open(desk.conversation)
    spoken = await desk.runs.some((await desk.memory.state()).runs)
    if row is None or any(run.state in ACTIVE for run in spoken):
        return None
    try:
        await desk.cards.withdraw(row)
    except StalePlan as error:
        raise desk.refuse("stale", str(error)) from None
    return {"withdrawn": row.id, "dataset": row.dataset, "model": row.subject, "title": read_job(row.spec).title}
