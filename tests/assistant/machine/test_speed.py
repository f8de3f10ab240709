"""How fast this machine computes: measured once, by the time of its cores and not by the clock."""

import os

import pytest

from assistant.machine.speed import cores, gmacs_per_second_and_core


def test_the_machine_is_measured_once() -> None:
    first = gmacs_per_second_and_core()
    assert 0.5 < first < 5000
    assert gmacs_per_second_and_core() == first


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="cores cannot be taken from a process here")
def test_only_the_cores_that_it_may_use_are_counted() -> None:
    had = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(had)})
    try:
        assert cores() == 1
    finally:
        os.sched_setaffinity(0, had)
    assert cores() == len(had)
