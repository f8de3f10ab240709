"""Slows frequent events down to what an eye can follow, without changing their order."""

import asyncio
from collections.abc import AsyncIterator

from engine.events import Event

FREQUENT = frozenset({"collection", "fitting", "batches", "system"})


async def paced(events: AsyncIterator[Event], *, seconds: float = 0.1) -> AsyncIterator[Event]:
    """Of frequent events of one kind that follow each other within `seconds`, only the newest is passed on; all others are.

    Time is the events' own, so a replay is thinned out as the live run was. `seq` only ever grows.
    """
    held: Event | None = None
    sent: dict[str, float] = {}
    upcoming = asyncio.ensure_future(anext(events, None))
    try:
        while True:
            done, _ = await asyncio.wait({upcoming}, timeout=seconds if held else None)
            event = upcoming.result() if done else None
            if held is not None and (event is None or event.type != held.type):
                sent[held.type] = held.time
                yield held
                held = None
            if not done:
                continue
            if event is None:
                return
            upcoming = asyncio.ensure_future(anext(events, None))
            if event.type in FREQUENT and event.time - sent.get(event.type, 0.0) < seconds:
                held = event
            else:
                held = None
                sent[event.type] = event.time
                yield event
    finally:
        upcoming.cancel()
