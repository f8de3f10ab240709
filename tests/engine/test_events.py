"""The log of a run: numbered without gaps, whole lines only."""

import json
import subprocess
import sys

import pytest

from engine.events import EventLog, LogInUse, Stopped, Warned, read_events

# the system takes no file beyond 300 bytes, as a full disk takes none at all; the second event does not fit
FULL = """
import resource, signal, sys
from pathlib import Path
from engine.events import EventLog, Failed, Warned
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300, 300))
log = EventLog(Path(sys.argv[1]))
log.append(Warned(code="x", message="fits"))
try:
    log.append(Warned(code="x", message="too long " * 40))
except OSError as error:
    log.append(Failed(code="disk", reason="full", hint="free it"))
log.close()
"""


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


def test_a_log_has_one_writer_and_a_second_one_is_refused_at_once(tmp_path):
    log = EventLog(tmp_path)
    with pytest.raises(LogInUse, match=r"events\.jsonl"):
        EventLog(tmp_path)
    log.append(Warned(code="x", message="mine"))
    log.close()
    assert [event.seq for event in read_events(tmp_path)] == [1]


def test_an_event_that_the_disk_refuses_leaves_no_trace_and_the_next_one_takes_its_number(tmp_path):
    subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], check=True)
    lines = (tmp_path / "events.jsonl").read_bytes().splitlines(keepends=True)
    assert [(json.loads(line)["seq"], json.loads(line)["type"]) for line in lines] == [(1, "warning"), (2, "failed")]
    assert lines[-1].endswith(b"\n")
