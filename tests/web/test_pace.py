"""Frequent events are thinned out, all others pass, and the order is never changed."""

import asyncio
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from engine.contract.events import Epoch, Event, System
from web.pace import paced

KINDS = st.lists(st.tuples(st.sampled_from(["system", "epoch"]), st.floats(0, 0.2)), max_size=30)


def run(kinds: list[tuple[str, float]]) -> tuple[list[Event], list[Event]]:
    events: list[Event] = []
    time = 1000.0
    for seq, (kind, gap) in enumerate(kinds, start=1):
        time += gap
        if kind == "system":
            events.append(System(seq=seq, time=time, cpu_percent=1, memory_mb=1))
        else:
            events.append(Epoch(seq=seq, time=time, epoch=1, epochs=1, loss=1, lr=1, best=True))

    async def source() -> AsyncIterator[Event]:
        for event in events:
            yield event

    async def collect() -> list[Event]:
        return [event async for event in paced(source())]

    return events, asyncio.run(collect())


@given(KINDS)
def test_order_is_kept_and_nothing_rare_or_last_is_lost(kinds: list[tuple[str, float]]) -> None:
    events, passed = run(kinds)
    seqs = [event.seq for event in passed]
    assert seqs == sorted(set(seqs))
    assert [event.seq for event in events if event.type == "epoch"] == [
        event.seq for event in passed if event.type == "epoch"
    ]
    assert not events or passed[-1].seq == events[-1].seq


def test_a_burst_of_one_kind_shrinks_to_its_first_and_last() -> None:
    _, passed = run([("system", 0.001)] * 50)
    assert [event.seq for event in passed] == [1, 50]
