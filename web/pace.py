"""Slows frequent events down to what an eye can follow, without changing their order."""

import asyncio
from collections.abc import AsyncIterator

from engine.contract.events import FREQUENT, Event


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
                sent[held.type] = _moment(held)
                yield held
                held = None
            if not done:
                continue
            if event is None:
                return
            upcoming = asyncio.ensure_future(anext(events, None))
            if event.type in FREQUENT and _moment(event) - sent.get(event.type, -seconds) < seconds:
                held = event
            else:
                held = None
                sent[event.type] = _moment(event)
                yield event
    finally:
        upcoming.cancel()


def _moment(event: Event) -> float:
    """By the clock that nobody sets; logs of older versions know none."""
    return event.time if event.elapsed_s is None else event.elapsed_s
