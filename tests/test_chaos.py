"""The counts of benchmarks/chaos.py are no zeros that count nothing: each harm that was done on purpose is told."""

from pathlib import Path

import pytest

from assistant.store.tables import AttemptRow, RunRow
from benchmarks.chaos import Fate, _faults
from engine.contract.events import EventLog, Failed, Finished, Started
from engine.contract.folder import RunFolder
from engine.contract.process_lock import take_lock


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    log = EventLog(tmp_path)
    log.append(Started(model="padim", dataset="panels"))
    log.append(Failed(code="killed", reason="killed by signal 9", hint="again"))
    log.close()
    return RunFolder(tmp_path)


def attempts(*outcomes: str) -> list[AttemptRow]:
    return [AttemptRow(run="r1", number=at, outcome=outcome) for at, outcome in enumerate(outcomes, 1)]


def told(run: RunFolder, state: str, fate: Fate, *outcomes: str) -> list[tuple[str, str]]:
    row = RunRow(id="r1", state=state, attempts=len(outcomes), reason="why", spec={"image_size": 64})
    return _faults(row, attempts(*outcomes), fate, run.path / "panels")


def test_a_run_that_was_killed_as_often_as_it_is_told_is_no_harm(run: RunFolder) -> None:
    assert told(run, "failed", Fate([], run, kills=3), "killed", "lost", "killed") == []


def test_an_end_that_nothing_explains_is_untrue(run: RunFolder) -> None:
    assert [kind for kind, _ in told(run, "failed", Fate([], run, kills=1), "killed", "lost", "killed")] == ["untrue"]
    assert [kind for kind, _ in told(run, "failed", Fate([], run, kills=3), "exited")] == ["untrue"]
    assert ("untrue", "stopped, and nobody asked for it") in told(run, "stopped", Fate([], run), "stopped")
    assert [kind for kind, _ in told(run, "running", Fate([], run), "killed")] == ["stuck"]


def test_a_log_that_lost_lines_or_tells_another_end_is_told(run: RunFolder) -> None:
    fate = Fate([], run, kills=3, lines=run.events.read_text().split("\n")[:-1])
    log = run.events.read_text().replace('"seq":2', '"seq":3')
    run.events.write_text(log)
    assert {kind for kind, _ in told(run, "failed", fate, "killed", "killed", "killed")} == {"events"}


def test_a_success_without_a_model_is_false_and_a_held_lock_an_orphan(run: RunFolder) -> None:
    run.events.unlink()
    log = EventLog(run.path)
    log.append(Started(model="padim", dataset="panels"))
    log.append(Finished(metrics={}, seconds={}))
    log.close()
    assert [kind for kind, _ in told(run, "succeeded", Fate([], run), "done")] == ["false"]
    lock = take_lock(run.path)
    assert lock is not None
    with lock:
        assert [kind for kind, _ in told(run, "succeeded", Fate([], run), "done")] == ["orphans", "false"]
