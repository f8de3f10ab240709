"""The log of a run: numbered without gaps, whole lines only."""

from engine.events import EventLog, Stopped, Warned, read_events


def test_events_are_numbered_without_gaps_in_the_order_they_came(tmp_path):
    log = EventLog(tmp_path)
    for number in range(1, 6):
        log.append(Warned(code="x", message=str(number)))
    log.close()
    assert [(event.seq, event.message) for event in read_events(tmp_path)] == [(n, str(n)) for n in range(1, 6)]


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
    assert [(event.seq, event.type) for event in read_events(tmp_path)] == [(1, "warning"), (2, "stopped")]


def test_a_run_without_a_log_has_no_events(tmp_path):
    assert read_events(tmp_path) == []
