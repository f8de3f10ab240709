"""How long something stays the same counts only while somebody looks."""

import pytest

from assistant.runs import unchanged
from assistant.runs.unchanged import LONGEST_LOOK_S, Unchanged


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    at = [100.0]
    monkeypatch.setattr(unchanged.time, "monotonic", lambda: at[0])
    return at


def test_it_counts_from_the_first_look_and_again_from_each_change(clock: list[float]) -> None:
    seen = Unchanged()
    assert seen.seconds("r1", "a") == 0
    clock[0] += 2
    assert seen.seconds("r1", "a") == 2
    assert seen.seconds("r2", "a") == 0
    clock[0] += 1
    assert seen.seconds("r1", "b") == 0
    seen.forget("r2")
    clock[0] += 1
    assert (seen.seconds("r1", "b"), seen.seconds("r2", "a")) == (1, 0)


def test_a_process_that_stood_still_has_seen_nothing(clock: list[float]) -> None:
    seen = Unchanged()
    seen.seconds("r1", None)
    clock[0] += 3600
    assert seen.seconds("r1", None) == LONGEST_LOOK_S
