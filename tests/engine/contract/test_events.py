"""The log of a run: numbered without gaps, whole lines only."""

import json
import re
import subprocess
import sys
import time

import pytest
from pydantic import ValidationError

from engine.contract.events import (
    Artifact,
    DamagedLog,
    Epoch,
    EventLog,
    Finished,
    Fitting,
    LogInUse,
    Stopped,
    Warned,
    read_events,
    seconds_worked,
)
from engine.contract.folder import RunFolder

# the system takes no file beyond 300 bytes, as a full disk takes none at all; the second event does not fit
FULL = """
import resource, signal, sys
from pathlib import Path
from engine.contract.events import EventLog, Failed, Warned
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
    with RunFolder(tmp_path).events.open("ab") as file:
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
    with pytest.raises(LogInUse, match=re.escape(RunFolder(tmp_path).events.name)):
        EventLog(tmp_path)
    log.append(Warned(code="x", message="mine"))
    log.close()
    assert [event.seq for event in read_events(tmp_path)] == [1]


def test_an_event_that_the_disk_refuses_leaves_no_trace_and_the_next_one_takes_its_number(tmp_path):
    subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], check=True)
    lines = RunFolder(tmp_path).events.read_bytes().splitlines(keepends=True)
    assert [(json.loads(line)["seq"], json.loads(line)["type"]) for line in lines] == [(1, "warning"), (2, "failed")]
    assert lines[-1].endswith(b"\n")


def written(run, events=3):
    log = EventLog(run)
    for number in range(events):
        log.append(Epoch(epoch=number + 1, epochs=9, loss=0.979, lr=0.1, best=True))
    log.append(Finished(metrics={"image_auroc": 0.979}, seconds={"total": 1.5}))
    log.close()
    return RunFolder(run).events


def test_a_bit_that_flipped_anywhere_in_the_log_is_noticed(tmp_path):
    path = written(tmp_path)
    whole, events = path.read_bytes(), read_events(tmp_path)
    for at in range(len(whole) - 1):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
        with pytest.raises(DamagedLog, match=f"line {whole[:at].count(10) + 1} of events.jsonl"):
            read_events(tmp_path)
    path.write_bytes(whole[:-1] + b"\x0b")  # without its end, the last line counts as one that is still being written
    assert read_events(tmp_path) == events[:-1]


def test_a_line_that_is_gone_is_noticed(tmp_path):
    path = written(tmp_path)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:1] + lines[2:]))
    with pytest.raises(DamagedLog, match=r"line 2 of events\.jsonl holds event 3"):
        read_events(tmp_path)


def test_a_log_of_an_older_version_is_read(tmp_path):
    path = written(tmp_path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    for number, line in enumerate(lines):
        line["time"] = 100.0 + 2 * number
        del line["elapsed_s"], line["crc"]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    events = read_events(tmp_path)
    assert [event.type for event in events] == ["epoch"] * 3 + ["finished"]
    assert seconds_worked(events) == 6


def test_the_figures_that_an_older_log_tells_beside_the_loss_are_read(tmp_path):
    line = {
        "type": "epoch",
        "seq": 1,
        "time": 1.0,
        "epoch": 1,
        "epochs": 2,
        "loss": 0.5,
        "val_loss": None,
        "lr": 0.1,
        "best": True,
    }
    older = {"psnr": 31.5, "ssim": 0.9, "val_psnr": 30.0, "val_ssim": None, "accuracy": None, "val_accuracy": None}
    RunFolder(tmp_path).events.write_text(json.dumps(line | older) + "\n")
    (epoch,) = read_events(tmp_path)
    assert epoch.figures == {"psnr": 31.5, "ssim": 0.9, "val_psnr": 30.0}


def test_a_model_says_what_it_works_out_in_its_own_word_and_measures_what_it_likes(tmp_path):
    log = EventLog(tmp_path)
    log.append(Fitting(what="codebook", done=1, total=2))
    log.append(
        Epoch(
            epoch=1, epochs=1, loss=0.5, lr=0.1, best=True, figures={"perplexity": 3.5, "val_perplexity": float("inf")}
        )
    )
    log.append(Artifact(kind="embeddings", path="evaluation/embeddings.npz"))
    log.close()
    fitting, epoch, artifact = read_events(tmp_path)
    assert (fitting.what, artifact.kind) == ("codebook", "embeddings")
    assert epoch.figures == {"perplexity": 3.5, "val_perplexity": None}


@pytest.mark.parametrize("number", [float("inf"), float("-inf"), float("nan")])
def test_a_number_that_is_none_is_null_in_the_log(tmp_path, number):
    log = EventLog(tmp_path)
    log.append(Epoch(epoch=1, epochs=1, loss=0.5, val_loss=number, lr=0.1, best=True, eta_s=number))
    log.append(Finished(metrics={"image_auroc": number}, seconds={}))
    log.close()
    text = RunFolder(tmp_path).events.read_text()
    assert "Infinity" not in text and "NaN" not in text
    epoch, finished = read_events(tmp_path)
    assert (epoch.val_loss, epoch.eta_s, finished.metrics) == (None, None, {"image_auroc": None})
    with pytest.raises(ValidationError):
        Epoch(epoch=1, epochs=1, loss=number, lr=0.1, best=True)


def test_a_clock_that_is_set_changes_nothing_of_what_a_run_took(tmp_path, monkeypatch):
    log = EventLog(tmp_path)
    for now in (1e9, 1e9 + 86_400, 1e9 - 86_400):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        log.append(Warned(code="x", message=""))
    log.close()
    events = read_events(tmp_path)
    assert 0 <= seconds_worked(events) < 60
    assert [event.elapsed_s for event in events] == sorted(event.elapsed_s for event in events)


def test_the_time_between_two_processes_of_a_run_is_no_work(tmp_path, monkeypatch):
    now = 100.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    first = EventLog(tmp_path)
    now = 107.0
    first.append(Warned(code="x", message=""))
    first.close()
    now = 5000.0  # killed, and much later taken up again
    second = EventLog(tmp_path)
    now = 5002.0
    second.append(Stopped())
    second.close()
    assert [event.elapsed_s for event in read_events(tmp_path)] == [7.0, 9.0]
