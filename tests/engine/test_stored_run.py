"""A run of a released version is read as it is: its log, its job, and a model that gives the scores it gave then."""

import json
from pathlib import Path

import pytest

from engine.contract.events import Finished, Started, Stopped, read_events
from engine.contract.folder import RunFolder
from engine.contract.jobs import read_job
from engine.contract.results import as_json, from_json
from engine.contract.results.detect import DetectCard, DetectResults, Finding
from engine.report import silent
from engine.tasks import try_run
from tests.stored_home import FINISHED, STOPPED, unpack

ROUNDING = 1e-4  # of another processor


@pytest.fixture
def home(tmp_path: Path) -> Path:
    unpack(tmp_path / "home")
    return tmp_path / "home"


def test_a_job_that_tells_no_kind_is_a_detection(home: Path) -> None:
    folder = RunFolder(home / "runs" / FINISHED)
    assert "kind" not in json.loads(folder.spec.read_text())
    assert (folder.read_job().kind, read_job(folder.spec.read_bytes()).subject) == ("detect", "padim")


def test_a_log_that_tells_no_kind_is_a_detection(home: Path) -> None:
    folder = RunFolder(home / "runs" / FINISHED)
    first, started = folder.events.read_text().splitlines()[0], read_events(folder.path)[0]
    assert "kind" not in json.loads(first)
    assert isinstance(started, Started) and started.kind == "detect"


def test_its_log_is_read_to_the_end(home: Path) -> None:
    finished, stopped = (read_events(home / "runs" / run) for run in (FINISHED, STOPPED))
    assert isinstance(finished[0], Started) and isinstance(stopped[0], Started)
    assert (type(finished[-1]), type(stopped[-1])) == (Finished, Stopped)


def test_its_card_is_written_again_to_the_byte(home: Path) -> None:
    model = RunFolder(home / "runs" / FINISHED).model
    assert as_json(model.read_card(DetectCard), indent=1) == model.card.read_text(encoding="utf-8")


def test_its_model_gives_the_scores_that_it_gave_then(home: Path, tmp_path: Path) -> None:
    run = RunFolder(home / "runs" / FINISHED)
    then = run.evaluation.read(DetectResults)
    output = tmp_path / "tried"
    told = try_run(run, data=home / "panels", output=output, weights_folder=None, hub=False, report=silent)
    now = [from_json(path.read_bytes(), Finding).image for path in sorted(output.glob("*.json"))]
    assert [image.name for image in now] == [row.name for row in then.rows]
    assert [image.score for image in now] == pytest.approx([row.score for row in then.rows], rel=ROUNDING)
    assert [image.is_anomalous for image in now] == [row.is_anomalous for row in then.rows]
    assert told["threshold"] == then.metrics.threshold.image
