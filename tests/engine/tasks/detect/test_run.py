"""Whole runs through the real process: `python -m engine run RUN --data PATH`."""

import contextlib
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.contract.continuing import hand_on, seconds_so_far
from engine.contract.events import (
    Batches,
    Epoch,
    Evaluation,
    Event,
    EventLog,
    Failed,
    Finished,
    Stage,
    Started,
    Stopped,
    System,
    Warned,
    read_events,
)
from engine.contract.folder import Checkpoints, RunFolder
from engine.contract.jobs import Job, read_job
from engine.contract.results.detect import DetectResults, ScoreRow
from engine.datasets.loading import Loader
from engine.saved_models import load_model
from engine.scorer import Scorer
from tests.engine.processes import ENVIRONMENT, RUN_MODULE, start, train
from tests.engine.samples import items_of, read_map, tiny_spec, write_mvtec, write_run
from tests.forks import Fork
from tests.serving import PROJECT

SPEC = tiny_spec("patchcore", coreset_ratio=0.1, threshold_policy="split_conformal")


def from_nothing(run: Path, data: Path, *, program: Sequence[str] = ("-m", "engine")) -> subprocess.CompletedProcess:
    """In a process that loads all that it needs, and whose errors go through a pipe."""
    command = [sys.executable, *program, "run", str(run), "--data", str(data)]
    return subprocess.run(command, cwd=PROJECT, env=ENVIRONMENT, stderr=subprocess.PIPE, text=True, check=False)


def kinds(events: list[Event], kind: type) -> list:
    return [event for event in events if isinstance(event, kind)]


def results_of(run: Path) -> DetectResults:
    return RunFolder(run).evaluation.read(DetectResults)


def rows_of(run: Path) -> list[ScoreRow]:
    return results_of(run).rows


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """16 good pictures, one of them broken, and a test folder with masks."""
    folder = write_mvtec(tmp_path_factory.mktemp("data"), train=17, good=5, defective=5)
    (folder / "train/good/003.png").write_bytes(b"no picture")
    return folder


# `python -m engine`, and beside the run folder the names of all modules that it loaded
LISTING = """
import pathlib, sys
from engine.__main__ import main
code = main()
pathlib.Path(sys.argv[2]).with_name("loaded").write_text("\\n".join(sys.modules))
sys.exit(code)
"""


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory) -> Path:
    run = write_run(tmp_path_factory.mktemp("runs") / "one", SPEC)
    ended = from_nothing(run, data, program=("-c", LISTING))
    assert (ended.returncode, ended.stderr) == (0, ""), read_events(run)
    return run


def test_a_run_that_compiles_nothing_loads_neither_torchs_compiler_nor_its_algebra(finished):
    loaded = (finished.parent / "loaded").read_text().split()
    assert "torch" in loaded
    assert [name for name in loaded if name.startswith(("torch._dynamo", "sympy"))] == []


def test_the_log_tells_the_whole_story_in_order(finished):
    events = read_events(finished)
    assert isinstance(events[0], Started)
    assert isinstance(events[-1], Finished)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    stages = [event.name for event in kinds(events, Stage)]
    assert stages == kinds(events, Stage)[0].stages
    assert stages == ["loading", "collecting", "fitting", "calibrating", "evaluating", "saving", "verifying"]
    assert set(events[-1].seconds) == {*stages, "total"}
    loading = [(event.done, event.total) for event in kinds(events, Batches) if event.what == "loading"]
    assert loading[-1] == (27, 27)


def test_warns_of_what_limits_the_result(finished):
    warned = {event.code: event for event in kinds(read_events(finished), Warned)}
    assert set(warned) == {"broken_images", "few_good"}  # random weights were asked for: no surprise
    assert warned["broken_images"].values == {"count": 1, "names": "train/good/003.png"}
    assert warned["few_good"].values["calibration"] == 3


def test_the_evaluation_folder_holds_what_the_pages_show(finished):
    folder, results = RunFolder(finished).evaluation, results_of(finished)
    facts, rows = results.metrics.facts(), results.rows
    assert facts["counts"] == {
        "train_good": 16, "fit": 13, "validation": 0, "calibration": 3, "test_good": 5, "test_defective": 5,
        "test_unknown": 0, "broken": 1, "with_masks": 5, "labelled": 0,
    }  # fmt: skip
    assert facts["metrics"] == kinds(read_events(finished), Evaluation)[0].metrics
    assert facts["metrics"]["image_auroc"] > 0.8
    assert "seconds" not in facts  # the run is not over yet: the Finished event tells them
    assert (
        facts["intervals"]["image_auroc"][0] <= facts["metrics"]["image_auroc"] <= facts["intervals"]["image_auroc"][1]
    )
    assert facts["threshold"]["smallest_promise"] == 1 / 4
    assert facts["per_defect_type"]["patch"]["count"] == 5
    assert facts["weights"] == {
        "backbone": "mobilenetv2_100",
        "source": "random",
        "tag": None,
        "licence": None,
        "lineage": [],
    }
    for what in DetectResults.pictures:
        with Image.open(folder.picture(what, 9)) as image:
            assert image.size == (64, 64)
    assert not folder.picture("truth", 0).exists()  # a good image has no truth to draw
    assert [row.label for row in rows] == ["good"] * 5 + ["defective"] * 5
    last = rows[9]
    assert (last.index, last.name, last.defect_type, last.has_truth) == (9, "test/patch/004.png", "patch", True)
    assert all((row.score > facts["threshold"]["image"]) == row.is_anomalous for row in rows)
    run = RunFolder(finished)
    parts = {run.evaluation.path, run.events, run.heartbeat, run.model.path, run.spec}
    assert set(finished.iterdir()) == parts


def test_the_saved_model_gives_the_written_scores_and_maps(finished, data):
    model, card = load_model(RunFolder(finished).model, weights_folder=None, hub=False)
    loader = Loader(items_of(data, split="test"), image_size=64, batch_size=4)
    found = Scorer(model).inspect(loader, what="verifying", keep_maps_in=finished.parent)
    results = results_of(finished)
    np.testing.assert_allclose(found.scores, [row.score for row in results.rows], rtol=1e-4)
    scale = results.metrics.map_scale
    written = read_map(RunFolder(finished).evaluation.picture("maps", 7), scale=scale)
    np.testing.assert_allclose(found.maps[7], written, atol=(scale[1] - scale[0]) * 1e-3)
    assert card.data.fingerprint
    assert card.thresholds.image.calibration_images == 3


def test_the_same_spec_gives_the_same_scores_to_the_last_bit(finished, data, tmp_path):
    run = write_run(tmp_path / "again", SPEC)
    assert train(run, data)[0] == 0
    for of in (
        lambda run: run.evaluation.scores,
        lambda run: run.evaluation.picture("maps", 7),
        lambda run: run.model.state,
    ):
        assert of(RunFolder(run)).read_bytes() == of(RunFolder(finished)).read_bytes()


def test_goods_alone_train_and_say_what_cannot_be_measured(tmp_path):
    data = write_mvtec(tmp_path / "data", train=20, good=0, defective=0)
    run = write_run(tmp_path / "run", tiny_spec("padim", num_features=20))
    code, events, _ = train(run, data)
    assert code == 0
    facts = results_of(run).metrics.facts()
    assert facts["metrics"]["image_auroc"] is None
    assert "defective" in facts["reasons"]["image_auroc"]
    assert facts["metrics"]["overkill"] is not None
    assert facts["counts"]["test_good"] == 4  # held out of the good ones
    assert "no_defects" in {event.code for event in kinds(events, Warned)}


def failed(run: Path, data: Path, *, prepare: str = "") -> Failed:
    code, events, errors = train(run, data, prepare=prepare)
    assert code == 1
    assert isinstance(events[-1], Failed)
    assert events[-1].hint
    assert errors.startswith("Traceback")
    assert not RunFolder(run).model.path.exists()
    return events[-1]


def test_an_empty_folder_fails_as_data(tmp_path):
    (tmp_path / "data").mkdir()
    told = failed(write_run(tmp_path / "run", tiny_spec("patchcore")), tmp_path / "data")
    assert (told.code, "holds no pictures" in told.reason) == ("data", True)


def test_only_broken_pictures_fail_as_data(tmp_path):
    data = write_mvtec(tmp_path / "data", train=3, good=0, defective=0)
    for path in (data / "train/good").iterdir():
        path.write_bytes(b"")
    told = failed(write_run(tmp_path / "run", tiny_spec("patchcore")), data)
    assert told.code == "data"
    assert "none of the 3 pictures" in told.reason
    assert "the file is empty" in told.reason


def test_an_unknown_backbone_fails_as_spec_with_the_nearest_name(tmp_path, data):
    run = write_run(tmp_path / "run", tiny_spec("patchcore").model_copy(update={"backbone": "resnet81"}))
    told = failed(run, data)
    assert (told.code, "did you mean" in told.reason) == ("spec", True)


def test_pretrained_weights_that_are_not_there_fail_as_spec(tmp_path, data):
    told = failed(write_run(tmp_path / "run", tiny_spec("patchcore", weights="pretrained")), data)
    assert told.code == "spec"
    assert "mobilenetv2_100" in told.reason
    assert "MURASCOPE_WEIGHTS" in told.reason


@pytest.mark.parametrize("content", ["{", '{"dataset": "x", "model": {"name": "nothing"}}', None])
def test_a_corrupt_or_missing_spec_fails_before_torch_loads(tmp_path, data, content):
    run = tmp_path / "run"
    run.mkdir()
    if content is not None:
        RunFolder(run).spec.write_text(content)
    told = failed(run, data)
    assert told.code == "spec"
    assert kinds(read_events(run), Started) == []


def no_file_above(size: int) -> str:
    return f"import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({size}, {size}))"


def test_a_full_disk_fails_as_disk(tmp_path, data):
    run = write_run(tmp_path / "run", tiny_spec("patchcore"))
    told = failed(run, data, prepare=no_file_above(2**16))
    assert told.code == "disk"


def test_a_log_that_cannot_be_written_any_more_exits_with_a_message(tmp_path, data):
    run = write_run(tmp_path / "run", tiny_spec("patchcore"))
    limit = ["-c", f"{no_file_above(300)}\n{RUN_MODULE}"]
    ended = from_nothing(run, data, program=limit)
    assert ended.returncode == 1
    assert "cannot write the event log" in ended.stderr
    assert len(read_events(run)) == 1


def test_a_run_folder_that_cannot_hold_a_log_exits_with_a_message(tmp_path, data):
    (tmp_path / "run").write_text("a file where the folder should be")
    code, _, errors = train(tmp_path / "run", data)
    assert code == 1
    assert "cannot write the event log" in errors
    assert "Traceback" not in errors


def test_a_run_that_ended_is_not_run_again(finished, data):
    before = RunFolder(finished).events.read_bytes()
    code, _, errors = train(finished, data)
    assert (code, RunFolder(finished).events.read_bytes()) == (1, before)
    assert "has ended" in errors
    assert "Traceback" not in errors


def test_the_time_limit_ends_a_run(tmp_path, data):
    told = failed(write_run(tmp_path / "run", tiny_spec("autoencoder", epochs=5000, time_limit_min=0.05)), data)
    assert told.code == "time_limit"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_a_run_in_mid_training(tmp_path, data, number):
    run = write_run(tmp_path / "run", tiny_spec("autoencoder", epochs=5000, patience=0))
    process = start(run, data)
    while not {"epoch", "system"} <= {event.type for event in read_events(run)}:
        try:
            process.wait(timeout=0.1)
        except subprocess.TimeoutExpired:
            continue
        pytest.fail(f"ended by itself: {process.communicate()[1]}")
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    events = read_events(run)
    assert (process.returncode, errors) == (3, "")
    assert isinstance(events[-1], Stopped)
    assert events[-1].stage == "training"
    assert kinds(events, System)[0].memory_mb > 0
    assert not RunFolder(run).model.path.exists()


def test_few_good_pictures_all_teach_and_all_set_the_threshold(tmp_path, data):
    run = write_run(tmp_path / "run", tiny_spec("patchcore", coreset_ratio=0.1))
    code, events, _ = train(run, data)
    facts = results_of(run).metrics.facts()
    assert code == 0
    assert (facts["counts"]["fit"], facts["counts"]["calibration"]) == (16, 0)
    assert (facts["threshold"]["policy"], facts["threshold"]["calibration_images"]) == ("leave_one_out", 16)
    calibrating = [(event.done, event.total) for event in kinds(events, Batches) if event.what == "calibrating"]
    assert calibrating[-1] == (16, 16)
    _, saved = load_model(RunFolder(run).model, weights_folder=None, hub=False)
    assert len(set(saved.calibration.scores)) == 16
    assert min(saved.calibration.scores) > 0  # a picture's score among its own patches would be next to nothing


def test_warns_where_all_test_pictures_have_one_score(tmp_path):
    data = write_mvtec(tmp_path / "data", train=8, good=1, defective=1)
    shutil.copyfile(data / "test/patch/000.png", data / "test/good/000.png")
    code, events, _ = train(write_run(tmp_path / "run", SPEC), data)
    warned = {event.code: event.values for event in kinds(events, Warned)}
    assert (code, warned["scores_all_equal"]) == (0, {"count": 2})


# a checkpoint after every epoch, so that tiny trainings have some
EAGER = """
from engine.trainers.epochs import EpochTrainer
EpochTrainer.__init__.__kwdefaults__["checkpoint_every_s"] = 0.0
"""


def start_eagerly(run: Path, data: Path) -> Fork:
    return start(run, data, prepare=EAGER)


def kill_when(process: Fork, run: Path, kind: str, number: int) -> None:
    """SIGKILL: no goodbye, no last word."""
    while sum(event.type == kind for event in read_events(run)) < number:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.05)
            pytest.fail(f"ended by itself: {process.communicate()[1]}")
    process.kill()
    process.communicate()


@pytest.fixture(scope="module", params=["autoencoder", "stfpm"])
def whole(request, data, tmp_path_factory) -> Path:
    """A run that was never killed."""
    spec = tiny_spec(request.param, epochs=12, patience=0, backbone="resnet18", calibration_share=0.2)
    run = write_run(tmp_path_factory.mktemp("runs") / "whole", spec)
    code, _, errors = train(run, data)
    assert (code, errors) == (0, "")
    return run


def test_a_killed_training_run_again_gives_the_scores_of_one_that_was_not(tmp_path, data, whole):
    killed = write_run(tmp_path / "killed", read_job(RunFolder(whole).spec.read_bytes()))
    kill_when(start_eagerly(killed, data), killed, "epoch", 5)
    again = start_eagerly(killed, data)
    assert (again.communicate()[1], again.returncode) == ("", 0)
    events = read_events(killed)
    told = {event.code: event for event in kinds(events, Warned)}
    assert told["resumed"].values["epoch"] >= 4
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert len(kinds(events, Started)) == 2
    assert rows_of(killed) == rows_of(whole)
    assert list(RunFolder(killed).checkpoints.iterdir()) == [Checkpoints(RunFolder(killed).checkpoints).best]


def end_as_killed(run: Path) -> Path:
    """As the supervisor does, or an engine that failed: after this word the log takes no more events."""
    log = EventLog(run, repair=True)
    log.append(Failed(code="killed", reason="killed by signal 9", hint="go on"))
    log.close()
    return run


def go_on(old: Path, spec: Job) -> Path:
    """A new run in the place of one that has ended."""
    run = write_run(old.parent / f"{old.name}-again", spec)
    hand_on(old, run)
    return run


def test_a_new_run_that_goes_on_from_a_killed_one_gives_the_scores_of_one_that_was_never_killed(tmp_path, data, whole):
    """Twice in a row: killed, gone on as a second run, killed again, gone on as a third."""
    spec = read_job(RunFolder(whole).spec.read_bytes())
    first = write_run(tmp_path / "first", spec)
    kill_when(start_eagerly(first, data), first, "epoch", 4)
    second = go_on(end_as_killed(first), spec)
    kill_when(start_eagerly(second, data), second, "epoch", 8)
    third = go_on(end_as_killed(second), spec)
    process = start_eagerly(third, data)
    assert (process.communicate()[1], process.returncode) == ("", 0)
    events, earlier = read_events(third), seconds_so_far(second)
    started = events[0]
    assert isinstance(started, Started)
    assert (started.continues, started.seconds_before) == (second.name, earlier)
    assert started.after_epoch >= 7
    assert [event.epoch for event in kinds(events, Epoch)] == list(range(1, 13))
    assert [event.loss for event in kinds(events, Epoch)] == [event.loss for event in kinds(read_events(whole), Epoch)]
    assert events[-1].seconds["total"] > earlier > seconds_so_far(first) > 0
    assert rows_of(third) == rows_of(whole)
    saved = [RunFolder(run).model.state for run in (third, whole)]
    assert saved[0].read_bytes() == saved[1].read_bytes()
    assert list(RunFolder(third).checkpoints.iterdir()) == [Checkpoints(RunFolder(third).checkpoints).best]
    assert RunFolder(second).checkpoint.exists()  # its run did not finish


def test_a_new_run_in_the_place_of_one_without_a_checkpoint_starts_from_the_beginning(tmp_path, data, finished):
    run = write_run(tmp_path / "run", SPEC)
    kill_when(start(run, data), run, "stage", 2)
    again = go_on(end_as_killed(run), SPEC)
    code, events, _ = train(again, data)
    assert code == 0
    assert (events[0].continues, events[0].after_epoch, events[0].seconds_before) == ("run", None, 0)
    assert rows_of(again) == rows_of(finished)


def test_a_stopped_run_keeps_its_checkpoint(tmp_path, data):
    run = write_run(tmp_path / "run", tiny_spec("autoencoder", epochs=5000, patience=0))
    process = start_eagerly(run, data)
    while not RunFolder(run).checkpoint.exists():
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.1)
            pytest.fail(f"ended by itself: {process.communicate()[1]}")
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert isinstance(read_events(run)[-1], Stopped)
    assert RunFolder(run).checkpoint.exists()


def test_a_killed_memory_model_starts_again_from_its_beginning(tmp_path, data, finished):
    run = write_run(tmp_path / "run", SPEC)
    kill_when(start(run, data), run, "stage", 2)
    code, events, _ = train(run, data)
    assert code == 0
    told = {event.code: event for event in kinds(events, Warned)}
    assert "starts again from its beginning" in told["restarted"].message
    assert rows_of(run) == rows_of(finished)
