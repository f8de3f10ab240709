import json
import struct

import pytest

from engine.contract.checksums import DamagedFile
from engine.contract.continuing import epochs_kept, hand_on, read_continued
from engine.contract.events import Batches, Epoch, EventLog, Failed, Started, Warned
from engine.contract.folder import RunFolder
from engine.tasks.batch_size import batch_size_of
from tests.engine.samples import tiny_spec, write_run

STARTED = Started(model="autoencoder", dataset="tiny")
KILLED = Failed(code="killed", reason="killed", hint="go on")


def epoch(number, loss=0.5):
    return Epoch(epoch=number, epochs=9, loss=loss, lr=0.1, best=True, eta_s=3.0)


def ended_run(folder, *events, kept=None):
    """A run of which `kept` epochs are in its checkpoint."""
    run = write_run(folder, tiny_spec("autoencoder", batch_size=4))
    log = EventLog(run)
    for event in (*events, KILLED):
        log.append(event.model_copy())
    log.close()
    if kept is not None:
        write_checkpoint(run, json.dumps({"position": {"epoch": kept}}))
    return run


def write_checkpoint(run, progress):
    header = json.dumps({"__metadata__": {"progress": progress}}).encode()
    RunFolder(run).checkpoints.mkdir(exist_ok=True)
    RunFolder(run).checkpoint.write_bytes(struct.pack("<Q", len(header)) + header)


def place_for(old):
    return write_run(old.parent / "new", tiny_spec("autoencoder", batch_size=4))


def test_only_the_epochs_that_the_checkpoint_holds_are_handed_on_each_once(tmp_path):
    old = ended_run(tmp_path / "old", STARTED, epoch(1), epoch(2), epoch(3, 0.9), epoch(3, 0.1), epoch(4), kept=3)
    handed = hand_on(old, new := place_for(old))
    assert [(each.epoch, each.loss) for each in handed.epochs] == [(1, 0.5), (2, 0.5), (3, 0.1)]
    assert (handed.run, handed.after_epoch, read_continued(new)) == ("old", 3, handed)
    assert RunFolder(new).checkpoint.read_bytes() == RunFolder(old).checkpoint.read_bytes()


@pytest.mark.parametrize("field", ["run", "seconds", "batch_size", "epochs"])
def test_what_was_handed_on_is_believed_only_as_it_was_written(tmp_path, field):
    old = ended_run(tmp_path / "old", STARTED, epoch(1), epoch(2), kept=2)
    hand_on(old, new := place_for(old))
    path = RunFolder(new).handed_on
    other = {"run": "r77", "seconds": 36000.0, "batch_size": 1, "epochs": []}
    path.write_text(json.dumps(json.loads(path.read_text()) | {field: other[field]}))
    with pytest.raises(DamagedFile, match="is damaged"):
        read_continued(new)
    RunFolder(new).events.touch()
    third = write_run(tmp_path / "third", tiny_spec("autoencoder"))
    handed = hand_on(new, third)
    assert (handed.run, handed.seconds, handed.batch_size, handed.epochs) == ("new", 0.0, None, [])


def test_a_run_that_was_stopped_before_it_began_hands_on_what_it_was_handed(tmp_path):
    old = ended_run(tmp_path / "old", STARTED, epoch(1), epoch(2), kept=2)
    between = write_run(tmp_path / "between", tiny_spec("autoencoder"))
    first = hand_on(old, between)
    log = EventLog(between)
    log.append(KILLED.model_copy())
    log.close()
    second = hand_on(between, place_for(old))
    assert (second.run, second.after_epoch, second.seconds) == ("between", 2, first.seconds)
    assert [each.epoch for each in second.epochs] == [1, 2]


def test_in_an_older_log_the_time_until_somebody_said_that_the_run_was_dead_is_no_work(tmp_path):
    old = ended_run(tmp_path / "old", STARTED, epoch(1), kept=1)
    lines = [json.loads(line) for line in RunFolder(old).events.read_text().splitlines()]
    for line, time in zip(lines, (100.0, 107.0, 90_000.0), strict=True):
        line["time"] = time
        del line["elapsed_s"], line["crc"]
    RunFolder(old).events.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert hand_on(old, place_for(old)).seconds == 7


def test_the_smaller_batch_that_memory_forced_is_kept(tmp_path):
    lowered = Warned(code="batch_lowered", message="m", values={"old": 4, "new": 2})
    old = ended_run(tmp_path / "old", STARTED, lowered, Batches(what="training", done=1, total=9))
    assert hand_on(old, new := place_for(old)).batch_size == 2
    assert batch_size_of(4, RunFolder(new)) == 2


@pytest.mark.parametrize("progress", ["", "{}", "nothing", None])
def test_a_checkpoint_that_cannot_be_read_is_none(tmp_path, progress):
    old = ended_run(tmp_path / "old", STARTED, epoch(1))
    if progress is None:
        RunFolder(old).checkpoints.mkdir()
        RunFolder(old).checkpoint.write_bytes(b"\xff" * 40)
    else:
        write_checkpoint(old, progress)
    assert epochs_kept(old) is None
    assert hand_on(old, place_for(old)).epochs == []
