"""Troubles in words, and once."""

import errno
import os

import pytest
from sqlalchemy.exc import OperationalError

from assistant.machine.troubles import Watch, explain


def full() -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), "/home/runs")


def test_a_trouble_is_told_once_when_it_begins_and_once_when_it_is_over(caplog: pytest.LogCaptureFixture) -> None:
    watch = Watch()
    for run in ("r1", "r1", "r2", "r1"):
        with watch.over(run):
            raise full()
    assert len(caplog.messages) == 1
    trouble = watch.get("r2")
    assert trouble is not None
    assert (trouble.code, trouble.message) == ("no_room", "No space left on device: /home/runs")
    for _ in range(3):
        with watch.over("r1"):
            pass
    assert caplog.messages[1:] == ["r1 goes on"]
    assert watch.get("r1") is None


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("database is locked", "database_busy"),
        ("database or disk is full", "no_room"),
        ("attempt to write a readonly database", "read_only"),
        ("unable to open database file", "database_away"),
        ("canceling statement due to lock timeout", "database_busy"),
        ("connection failed: Connection refused", "database_away"),
        ("no such table: runs", "internal"),
    ],
)
def test_what_the_database_says_is_known_from_a_mistake_of_our_own(said: str, code: str) -> None:
    assert explain(OperationalError("UPDATE", {}, Exception(said))).code == code
