"""A pipe, a device or a file without end in a run's folder holds nobody up: neither who asks for results nor the end of the run."""

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from assistant.kinds.detect.findings import finding
from assistant.runs.follow import _next
from assistant.runs.last_word import LOG_BYTES, end_of, log_tail, open_for_last_word, say, without_last_word
from assistant.runs.results import NoResults, load
from assistant.store.tables import RunRow
from engine.contract.continuing import epochs_kept, hand_on
from engine.contract.events import DamagedLog, Event, EventLog, Failed, Stopped, has_ended, read_events
from engine.contract.folder import EvaluationFolder, RunFolder
from engine.contract.plain_files import MOST_BYTES, NotPlain, append_plain
from engine.contract.process_lock import is_locked, noted_watchers
from engine.contract.results.detect import DetectResults
from tests.stored_runs import finding as found_in
from tests.stored_runs import write_evaluation

SUCCEEDED = RunRow(id="r1", state="succeeded")
Put = Callable[[Path], None]


@pytest.fixture(autouse=True)
def nothing_waits() -> Iterator[None]:
    """What waits for a pipe is interrupted, and fails."""

    def fail(*_: object) -> None:
        raise AssertionError("it waits")

    before = signal.signal(signal.SIGALRM, fail)
    signal.setitimer(signal.ITIMER_REAL, 10)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(params=["pipe", "device", "folder", "ring of links"])
def put(request: pytest.FixtureRequest) -> Put:
    """Puts something that is no plain file where a file belongs."""

    def put(path: Path) -> None:
        path.parent.mkdir(exist_ok=True, parents=True)
        path.unlink(missing_ok=True)
        match request.param:
            case "pipe":
                os.mkfifo(path)
            case "device":
                path.symlink_to("/dev/null")
            case "folder":
                path.mkdir()
            case _:
                path.symlink_to(path.name)

    return put


def evaluated(folder: Path) -> EvaluationFolder:
    """The evaluation of a run, with what was found in its first picture."""
    return write_evaluation(folder, findings={0: found_in()})


def last_word(folder: Path, otherwise: Failed | Stopped) -> Event:
    """What the queue does with the log of a run whose process is gone."""
    log = open_for_last_word(folder)
    try:
        return say(log, folder, otherwise)
    finally:
        log.close()


@pytest.mark.parametrize("otherwise", [Stopped(), None], ids=["stopped", "killed"])
def test_a_run_gets_its_end_whatever_lies_in_place_of_its_files(
    tmp_path: Path, put: Put, otherwise: Stopped | None
) -> None:
    run = RunFolder(tmp_path)
    for path in (run.events, run.log, run.checkpoint, run.handed_on):
        put(path)
    end = last_word(tmp_path, otherwise or without_last_word(end_of("killed", -9), tmp_path))
    assert isinstance(end, Failed)
    assert "events.jsonl is no plain file" in end.reason
    assert has_ended(tmp_path)


def test_of_a_log_that_is_no_plain_file_nothing_is_told_but_that(tmp_path: Path, put: Put) -> None:
    put(RunFolder(tmp_path).log)
    assert log_tail(tmp_path, 20) == ["(log.txt cannot be read: it is no plain file)"]
    with pytest.raises(NotPlain):
        append_plain(RunFolder(tmp_path).log)


def test_events_that_are_no_plain_file_are_a_damaged_log(tmp_path: Path, put: Put) -> None:
    put(RunFolder(tmp_path).events)
    assert not has_ended(tmp_path)
    with pytest.raises(DamagedLog, match="no plain file"):
        read_events(tmp_path)
    with pytest.raises(DamagedLog, match="no plain file"):
        EventLog(tmp_path)
    assert "no plain file" in _next(RunFolder(tmp_path).events, 0, 0, None).damage


def test_a_process_that_is_noted_in_no_plain_file_is_none(tmp_path: Path) -> None:
    os.mkfifo(RunFolder(tmp_path).lock)
    assert noted_watchers(tmp_path) is None
    assert not is_locked(tmp_path)


@pytest.mark.parametrize("name", ["metrics", "scores", "checksums"])
def test_results_in_no_plain_file_are_damaged(tmp_path: Path, put: Put, name: str) -> None:
    evaluation = evaluated(tmp_path)
    assert load(SUCCEEDED, tmp_path, DetectResults).rows
    put(getattr(evaluation, name))
    with pytest.raises(NoResults, match="no plain file") as refused:
        load(SUCCEEDED, tmp_path, DetectResults)
    assert refused.value.code == "damaged"


def test_a_finding_in_no_plain_file_is_damaged(tmp_path: Path) -> None:
    path = evaluated(tmp_path).finding(0)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(NoResults, match="no plain file"):
        finding(SUCCEEDED, tmp_path, 0)


def test_what_is_no_plain_file_is_not_handed_on(tmp_path: Path, put: Put) -> None:
    old, new = tmp_path / "r1", tmp_path / "r2"
    new.mkdir()
    put(RunFolder(old).handed_on)
    put(RunFolder(old).checkpoint)
    assert epochs_kept(old) is None
    handed = hand_on(old, new)
    assert (handed.after_epoch, handed.epochs) == (None, [])


def test_only_the_end_of_a_long_log_is_read(tmp_path: Path) -> None:
    with RunFolder(tmp_path).log.open("wb") as file:
        file.truncate(64 << 20)
        file.seek(0, os.SEEK_END)
        file.write(b"\nthe last line\n")
    lines = log_tail(tmp_path, 20)
    assert lines[-1] == "the last line"
    assert sum(map(len, lines)) <= LOG_BYTES


def test_results_larger_than_any_are_damaged(tmp_path: Path) -> None:
    with evaluated(tmp_path).metrics.open("ab") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(NoResults, match="more than the 64 MiB"):
        load(SUCCEEDED, tmp_path, DetectResults)


def test_a_line_longer_than_any_event_is_damage_and_ends_the_run(tmp_path: Path) -> None:
    with RunFolder(tmp_path).events.open("wb") as file:
        file.truncate(2 * MOST_BYTES)
    with pytest.raises(DamagedLog, match="line 1"):
        read_events(tmp_path)
    assert "line 1" in _next(RunFolder(tmp_path).events, 0, 0, None).damage
    assert isinstance(last_word(tmp_path, Stopped()), Failed)
    assert (tmp_path / "events.damaged.jsonl").stat().st_size == MOST_BYTES
