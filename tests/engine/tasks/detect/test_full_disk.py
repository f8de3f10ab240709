"""A disk that is full from one stage of a run on: a clear failure, never a model that is not whole, and with room again the run goes to its end."""

from pathlib import Path

import pytest

from engine.contract.events import Failed, Finished, read_events
from engine.contract.folder import RunFolder
from engine.contract.results.detect import DetectResults
from engine.saved_models import load_model
from tests.engine.processes import train
from tests.engine.samples import tiny_spec, write_mvtec, write_run
from tests.small_disk import small_disk

SPECS = {
    "padim": tiny_spec("padim", num_features=8, threshold_policy="split_conformal"),
    "autoencoder": tiny_spec("autoencoder", epochs=3, base_channels=4, latent_channels=8, validation_share=0.0),
}
OF_MEMORY = ("loading", "collecting", "fitting", "calibrating", "evaluating", "saving", "verifying")
CASES = [("autoencoder", "training"), *(("padim", stage) for stage in OF_MEMORY)]
FILLED = """
from pathlib import Path
from engine.report import Report
from tests.small_disk import SmallDisk
begin = Report.begin
def begin_on_a_full_disk(report, stage):
    begin(report, stage)
    if stage == {stage!r}:
        SmallDisk(Path({disk!r})).fill()
Report.begin = begin_on_a_full_disk
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_mvtec(tmp_path_factory.mktemp("data"), train=10, good=3, defective=3)


@pytest.fixture(scope="module")
def undisturbed(data, tmp_path_factory) -> dict[str, DetectResults]:
    runs = {model: write_run(tmp_path_factory.mktemp("runs") / model, spec) for model, spec in SPECS.items()}
    assert [train(run, data)[0] for run in runs.values()] == [0, 0]
    return {model: RunFolder(run).evaluation.read(DetectResults) for model, run in runs.items()}


@pytest.mark.parametrize(("model", "stage"), CASES)
def test_a_disk_that_is_full_from_a_stage_on_harms_nothing(tmp_path, data, undisturbed, model, stage):
    with small_disk(tmp_path / "disk") as disk:
        run = RunFolder(write_run(disk.path / "run", SPECS[model]))
        code, events, errors = train(run.path, data, prepare=FILLED.format(stage=stage, disk=str(disk.path)))
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        disk.empty()
        match events[-1]:
            case Finished():  # what was left to write had room
                assert code == 0
            case Failed(code=why):
                assert (code, why) == (1, "disk")
                run = RunFolder(write_run(disk.path / "again", SPECS[model]))
                assert train(run.path, data)[0] == 0
            case _:  # the log had no room for its end: the same run goes on
                assert code == 1
                assert "No space left on device" in errors
                assert train(run.path, data)[0] == 0
        told = read_events(run.path)
        assert isinstance(told[-1], Finished)
        assert [event.seq for event in told] == list(range(1, len(told) + 1))
        load_model(run.model, weights_folder=None, hub=False)
        assert run.evaluation.read(DetectResults).rows == undisturbed[model].rows
