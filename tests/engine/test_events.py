"""The log of a run: numbered without gaps, read from any place, whole lines only."""

from engine.events import EventLog, Stopped, Warned, read_events


def test_events_are_read_from_the_one_after_a_number(tmp_path):
    log = EventLog(tmp_path)
    for number in range(1, 6):
        log.append(Warned(code="x", message=str(number)))
    log.close()
    assert [event.seq for event in read_events(tmp_path)] == [1, 2, 3, 4, 5]
    assert [event.message for event in read_events(tmp_path, after=3)] == ["4", "5"]
    assert read_events(tmp_path, after=5) == []


def test_a_torn_last_line_is_left_out_and_cut_off_by_the_next_writer(tmp_path):
    log = EventLog(tmp_path)
    log.append(Warned(code="x", message="whole"))
    log.close()
    with (tmp_path / "events.jsonl").open("ab") as file:
        file.write(b'{"type": "warn')
    assert len(read_events(tmp_path)) == 1
    log = EventLog(tmp_path)
    log.append(Stopped())
    log.close()
    assert [(event.seq, event.type) for event in read_events(tmp_path, after=1)] == [(2, "stopped")]


def test_a_run_without_a_log_has_no_events(tmp_path):
    assert read_events(tmp_path) == []
