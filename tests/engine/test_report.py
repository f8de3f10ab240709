from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.contract.events import Batches, Started, Stopped, Warned, read_events
from engine.contract.folder import RunFolder
from engine.report import Eta, Report, StopRequested, TimeLimit


@pytest.fixture
def report(tmp_path: Path) -> Iterator[Report]:
    opened = Report(tmp_path)
    yield opened
    opened.log.close()


def test_frequent_events_are_thinned_but_the_last_is_kept(report, tmp_path):
    for done in range(1, 101):
        report(Batches(what="evaluating", done=done, total=100))
    kept = [event.done for event in read_events(tmp_path) if isinstance(event, Batches)]
    assert kept[-1] == 100
    assert len(kept) < 20


def test_rare_events_are_all_kept(report, tmp_path):
    for number in range(10):
        report(Warned(code="x", message=str(number)))
    assert [event.message for event in read_events(tmp_path)] == [str(number) for number in range(10)]


def test_a_stop_is_raised_at_the_next_call_and_can_still_be_told(report, tmp_path):
    report.stop_requested = True
    with pytest.raises(StopRequested):
        report(Warned(code="x", message="never written"))
    report.end(Stopped(stage=None))
    assert [event.type for event in read_events(tmp_path)] == ["stopped"]


def test_the_time_limit_counts_from_the_beginning(report, tmp_path):
    report.limit(1e-9)
    with pytest.raises(TimeLimit):
        report.check()


def test_stages_carry_their_order_and_their_durations_add_up(report, tmp_path):
    report.stages = ["loading", "saving"]
    report.begin("loading")
    report.begin("saving")
    seconds = report.seconds()
    assert [event.name for event in read_events(tmp_path)] == ["loading", "saving"]
    assert set(seconds) == {"loading", "saving", "total"}
    assert seconds["loading"] + seconds["saving"] <= seconds["total"] + 0.01


def test_the_time_left_is_unknown_at_first_and_nothing_at_the_end():
    eta = Eta(10)
    assert eta(0) is None
    assert eta(10) == 0.0


def test_a_log_that_ended_takes_no_second_run(report, tmp_path):
    report(Started(model="patchcore", dataset="d"))
    report.end(Stopped())
    again = Report(tmp_path)
    with pytest.raises(ValueError, match="the run has ended"):
        again(Warned(code="x", message="late"))
    again.log.close()
    assert read_events(tmp_path)[-1].type == "stopped"


def test_a_run_that_was_killed_goes_on_in_its_log_and_its_time_counts(tmp_path):
    """Two processes of 100 and 50 seconds, an hour apart; the third one has a limit of two and a half minutes."""
    started = Started(model="padim", dataset="d")
    times = {
        1000.0: started,
        1100.0: Warned(code="x", message=""),
        4700.0: started,
        4750.0: Warned(code="x", message=""),
    }
    lines = [
        event.model_copy(update={"seq": seq, "time": time}).model_dump_json()
        for seq, (time, event) in enumerate(times.items(), 1)
    ]
    RunFolder(tmp_path).events.write_text("\n".join(lines) + "\n")
    report = Report(tmp_path)
    assert report.goes_on
    report(Warned(code="x", message="goes on"))
    assert [event.seq for event in read_events(tmp_path)] == [1, 2, 3, 4, 5]
    assert 150 <= report.seconds()["total"] < 200
    report.limit(2.5)
    with pytest.raises(TimeLimit):
        report.check()
    report.log.close()


def test_the_time_in_other_runs_counts_for_the_total_but_not_for_the_limit(report):
    report.goes_on_from(3600.0)
    report.limit(10)
    report.check()
    assert report.seconds()["total"] >= 3600
