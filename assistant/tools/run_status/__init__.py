"""Tool: how far a training is, where it computes, what was tried of it and what it waits for."""

import asyncio
from dataclasses import asdict
from typing import Any

from pydantic_ai import RunContext

from assistant.groups.told import group_told
from assistant.runs.standing import standing_of
from assistant.store.tables import ACTIVE, RunRow
from assistant.telling import outlined, sentences_of, told
from assistant.telling.groups import sentences_of_group
from assistant.telling.progress import OUTLINE, claims_of_progress
from assistant.tools import Traits
from assistant.tools.desk import Desk
from engine.contract.events import Batches, Collection, DamagedLog, Epoch, Fitting, Stage, Warned, read_events

TRAITS = Traits(rather=ACTIVE, groups=True)


async def run_status(ctx: RunContext[Desk], run: str | None = None) -> dict[str, Any]:
    """Say how far a training is: state, stage, progress, seconds left, warnings; for an ended one how it ended.

    Also where it computes, how many attempts were made and why each was followed by another, and its place in the queue.

    Args:
        run: id of the run, such as r12, or of a group of runs, such as g1; left out: the one of this conversation that is under way, else
            the one it spoke of last.
    """
    if (group := await ctx.deps.group(run)) is not None:
        now_told = await group_told(ctx.deps.runs, group)
        sentences, answer = await sentences_of_group(ctx.deps.runs, now_told, ctx.deps.language)
        facts = {"group": group.id, "state": now_told.state, "done": now_told.done, "total": now_told.total}
        return facts | told(sentences, answer)
    row = await ctx.deps.run(run, rather=ACTIVE)
    facts = await _facts(ctx.deps, row)
    sentences = sentences_of(claims_of_progress(row, facts), ctx.deps.language)
    return facts | told(sentences, outlined(sentences, OUTLINE))


async def _facts(desk: Desk, row: RunRow) -> dict[str, Any]:
    standing = await standing_of(desk.runs, desk.attempts, row)
    facts: dict[str, Any] = {
        "run": row.id,
        "state": row.state,
        "dataset": row.dataset,
        "model": row.subject,
        "reason": row.reason,
        "hint": row.hint,
        "waits_for": standing.ahead,
        "standing": asdict(standing),
    }
    if not desk.runs.place.has(row):
        return {**facts, "host": row.host}
    try:
        events = await asyncio.to_thread(read_events, desk.folder(row))
    except DamagedLog as damage:  # the state on record holds all the same
        return {**facts, "log_damaged": str(damage)}
    for event in events:
        match event:
            case Stage():
                facts |= {"stage": event.name, "progress": None, "seconds_left": None}
            case Epoch():
                facts |= {
                    "epoch": event.epoch,
                    "epochs": event.epochs,
                    "loss": event.loss,
                    "val_loss": event.val_loss,
                    "seconds_left": event.eta_s,
                }
            case Collection():
                facts |= {
                    "progress": [event.images, event.total_images],
                    "collected_samples": event.samples,
                    "seconds_left": event.eta_s,
                }
            case Batches() | Fitting():
                facts |= {"progress": [event.done, event.total], "seconds_left": event.eta_s}
            case Warned():
                warned = {"code": event.code, "message": event.message, "values": event.values}
                facts.setdefault("warnings", []).append(warned)
    return facts
