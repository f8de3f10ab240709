"""Whole classifications: of tiny networks with random weights, on pictures whose marks are easily told apart."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.contract.events import Artifact, Epoch, Event, Failed, Finished, Stage, Warned, read_events
from engine.contract.folder import RunFolder
from engine.contract.jobs.classify import ClassifyJob
from engine.contract.pictures import read_picture
from engine.contract.results.classify import ClassifyCard, ClassifyResults
from engine.contract.serving import Asked
from engine.datasets.factory import open_dataset
from engine.datasets.loading import Loader, batch_of
from engine.failures import DataError, SettingError
from engine.report import Report
from engine.tasks import run_job, try_run
from engine.tasks.classify.classifier import Classifier
from engine.tasks.classify.learning import Learning
from engine.tasks.classify.scoring import ClassScorer
from engine.tasks.served import open_served
from engine.weights import Weights
from tests.engine.processes import train
from tests.engine.samples import write_run
from tests.engine.tasks.classify.pictures import SIZE, tiny_job, write_classes
from tests.engine.tasks.detect.test_run import kinds

MARKS = {"bar": "bar", "edge": "edge", "square": "square"}
HOSTILE = {'a,"b"\n<script>': "bar", "=cmd|'calc'!A0": "edge", "불량 유형": "square"}


def run_here(folder: Path, job: ClassifyJob, data: Path) -> tuple[RunFolder, list[Event]]:
    """The run, in this process."""
    run = RunFolder(write_run(folder, job))
    return run, go_on(run, job, data, Report(run.path))


def go_on(run: RunFolder, job: ClassifyJob, data: Path, report: Report) -> list[Event]:
    try:
        report.end(run_job(job, run, data=data, report=report, hub=False))
    finally:
        report.log.close()
    return read_events(run.path)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_classes(tmp_path_factory.mktemp("data") / "marks", MARKS, count=15)


@pytest.fixture(scope="module")
def finished(data, tmp_path_factory) -> tuple[Path, list[Event]]:
    """Through the real process."""
    run = write_run(tmp_path_factory.mktemp("runs") / "one", tiny_job(epochs=8, patience=0, augmentation="none"))
    code, events, errors = train(run, data)
    assert (code, errors) == (0, ""), events
    return run, events


def test_a_run_tells_its_stages_its_epochs_and_its_result(finished) -> None:
    _, events = finished
    assert [event.name for event in kinds(events, Stage)] == tiny_job().stages()
    epochs = kinds(events, Epoch)
    assert len(epochs) == 8
    assert all(each.figures.keys() == {"accuracy", "val_accuracy"} for each in epochs)
    assert all(0 <= share <= 1 for each in epochs for share in each.figures.values())
    assert kinds(events, Finished)[0].metrics["balanced_accuracy"] == 1.0
    assert {event.kind for event in kinds(events, Artifact)} == {"checkpoint", "metrics", "scores", "heatmaps", "model"}


def test_served_it_says_of_each_picture_what_its_evaluation_said(finished, data, tmp_path) -> None:
    run = RunFolder(finished[0])
    rows = run.evaluation.read(ClassifyResults).rows
    served = open_served(run, weights_folder=None, hub=False)
    pictures = batch_of([read_picture(data / row.name, size=SIZE) for row in rows], [row.name for row in rows])
    asked = [Asked(id=row.index, name=row.name, draw=str(tmp_path / f"{row.index}_")) for row in rows]
    for judged, row, each in zip(served.judge(pictures, asked), rows, asked, strict=True):
        assert judged.facts["verdict"] == row.predicted
        assert judged.facts["confidence"] == pytest.approx(row.probability, abs=1e-5)
        assert max(judged.facts["probabilities"], key=judged.facts["probabilities"].get) == row.predicted
        assert judged.draw(str(each.draw), each.which) == ["heatmap.jpg", "picture.jpg"]


def test_its_results_tell_which_epoch_was_kept_and_how_much_better_it_is_than_the_beginning(finished) -> None:
    run, events = finished
    learnt = RunFolder(run).evaluation.read(ClassifyResults).metrics.learning
    losses = {event.epoch: event.val_loss for event in kinds(events, Epoch)}
    assert learnt is not None
    assert (learnt.epoch, learnt.epochs, learnt.head_fitted) == (min(losses, key=losses.__getitem__), 8, False)
    assert learnt.val_loss == learnt.best_val_loss == pytest.approx(min(losses.values()))
    assert learnt.val_loss < learnt.val_loss_before


def test_fine_tuning_that_did_not_help_is_told_with_its_figures(data, tmp_path) -> None:
    """Each epoch takes steps that are far too long."""
    job = tiny_job(epochs=2, patience=0, learning_rate=1.0, augmentation="none")
    run, events = run_here(tmp_path / "long", job, data)
    learnt = run.evaluation.read(ClassifyResults).metrics.learning
    assert learnt is not None
    assert (learnt.epoch, learnt.epochs, learnt.head_fitted) == (0, 2, False)
    assert learnt.val_loss == learnt.val_loss_before < learnt.best_val_loss
    assert learnt.best_val_loss == pytest.approx(min(event.val_loss for event in kinds(events, Epoch)))


def test_its_results_tell_how_coarse_the_map_of_what_was_seen_is(finished) -> None:
    rows, columns = RunFolder(finished[0]).evaluation.read(ClassifyResults).metrics.seen_cells
    assert rows == columns < SIZE


def test_its_results_name_each_test_picture_with_class_verdict_and_probability(finished) -> None:
    run = RunFolder(finished[0])
    results = run.evaluation.read(ClassifyResults)
    assert results.metrics.classes == sorted(MARKS)
    assert results.metrics.confusion == [[3, 0, 0], [0, 3, 0], [0, 0, 3]]
    assert results.metrics.counts == {"fit": 27, "validation": 9, "test": 9, "classes": 3, "unused": 0, "broken": 0}
    assert all(row.name.startswith(f"{row.label}/") and row.correct for row in results.rows)
    assert all(1 / 3 < row.probability <= 1 for row in results.rows)
    header = run.evaluation.scores.read_text().splitlines()[0]
    assert header == "index,name,class,predicted,probability,correct"


def test_of_each_test_picture_lies_the_picture_and_what_was_seen_in_it(finished) -> None:
    evaluation = RunFolder(finished[0]).evaluation
    for row in evaluation.read(ClassifyResults).rows:
        with Image.open(evaluation.picture("inputs", row.index)) as shown:
            assert (shown.format, shown.size) == ("JPEG", (SIZE, SIZE))
        with Image.open(evaluation.picture("overlays", row.index)) as seen:
            assert seen.size == (SIZE, SIZE)


def test_the_saved_classifier_says_what_it_is(finished) -> None:
    card = RunFolder(finished[0]).model.read_card(ClassifyCard)
    assert card.classes == sorted(MARKS)
    assert (card.weights.backbone, card.weights.source, card.backbone_fingerprint) == ("test_resnet", "random", None)
    assert card.data.fingerprint and card.data.pictures == 45


def test_the_saved_classifier_calls_each_picture_as_its_evaluation_said(finished, data) -> None:
    run = RunFolder(finished[0])
    scorer, _ = ClassScorer.load(run.model)
    rows = run.evaluation.read(ClassifyResults).rows
    items = {item.name: item for item in open_dataset(data).items}
    loader = Loader([items[row.name] for row in rows], image_size=SIZE, batch_size=4)
    said = scorer.probabilities(loader, what="evaluating")
    assert [scorer.classes[index] for index in scorer.called(said)] == [row.predicted for row in rows]
    assert said.max(axis=1).tolist() == pytest.approx([row.probability for row in rows])


def test_a_saved_classifier_that_says_otherwise_fails_its_run(data, tmp_path, monkeypatch) -> None:
    honest = Classifier.load_saved

    def other(self: Classifier, state: dict[str, torch.Tensor]) -> None:
        honest(self, state)
        self.head[-1].bias.data[0] += 0.5

    monkeypatch.setattr(Classifier, "load_saved", other)
    with pytest.raises(RuntimeError, match="loaded again, scores differently"):
        run_here(tmp_path / "run", tiny_job(epochs=1), data)


def test_it_is_tried_on_other_pictures(finished, tmp_path) -> None:
    others = write_classes(tmp_path / "others", {"unsorted": "edge"}, count=4)
    told = try_run(
        RunFolder(finished[0]),
        data=others,
        output=tmp_path / "out",
        weights_folder=None,
        hub=False,
        report=lambda event: None,
    )
    assert (told["images"], told["called"]) == (4, {"bar": 0, "edge": 4, "square": 0})
    first = json.loads((tmp_path / "out" / "0000.json").read_text())
    assert first["class"] == "edge" and sum(first["probabilities"].values()) == pytest.approx(1)
    assert (tmp_path / "out" / "0000_overlay.png").is_file()


def test_a_damaged_model_is_not_tried(finished, tmp_path) -> None:
    copy = RunFolder(Path(shutil.copytree(finished[0], tmp_path / "copy")))
    with copy.model.state.open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last[0] ^ 1]))
    with pytest.raises(SettingError, match="damaged"):
        try_run(
            copy, data=finished[0], output=tmp_path / "out", weights_folder=None, hub=False, report=lambda event: None
        )


def test_same_seed_same_data_same_probabilities(data, tmp_path) -> None:
    rows = [
        run_here(tmp_path / name, tiny_job(epochs=2, augmentation="strong"), data)[0]
        .evaluation.read(ClassifyResults)
        .rows
        for name in ("one", "two")
    ]
    assert rows[0] == rows[1]


def test_an_interrupted_run_goes_on_and_ends_as_it_would_have(data, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(Learning, "checkpoint_every_s", 0.0)  # after every epoch
    job = tiny_job(epochs=4, augmentation="light", dropout=0.3)
    whole, _ = run_here(tmp_path / "whole", job, data)
    cut = RunFolder(write_run(tmp_path / "cut", job))
    with pytest.raises(KeyboardInterrupt):
        go_on(cut, job, data, CutOff(cut.path, after=2))
    events = go_on(cut, job, data, Report(cut.path))
    assert [event.code for event in kinds(events, Warned) if event.code == "resumed"] == ["resumed"]
    states = [ClassScorer.load(run.model)[0] for run in (whole, cut)]
    for name, tensor in states[0].model.state_to_save().items():
        assert torch.equal(tensor, states[1].model.state_to_save()[name]), name
    assert whole.evaluation.read(ClassifyResults).rows == cut.evaluation.read(ClassifyResults).rows


class CutOff(Report):
    """A report whose run is killed after an epoch."""

    def __init__(self, run: Path, *, after: int):
        super().__init__(run)
        self.after = after

    def __call__(self, event: Event) -> None:
        super().__call__(event)
        if isinstance(event, Epoch) and event.epoch == self.after:
            raise KeyboardInterrupt


def test_a_network_keeps_the_statistics_of_its_weights_while_it_learns(tmp_path) -> None:
    model = Classifier(tiny_job(), [3, 3], Weights("run r1"), is_saved=True)
    before = {name: each.clone() for name, each in model.network.named_buffers()}
    model.train()(torch.rand(4, 3, SIZE, SIZE))
    assert all(torch.equal(each, before[name]) for name, each in model.network.named_buffers())


def test_one_class_alone_is_refused_with_what_to_do(tmp_path) -> None:
    data = write_classes(tmp_path / "data", {"bar": "bar", "edge": "edge"}, count=5)
    for path in sorted((data / "edge").iterdir())[2:]:
        path.unlink()
    code, events, _ = train(write_run(tmp_path / "run", tiny_job()), data)
    (failed,) = kinds(events, Failed)
    assert (code, failed.code) == (1, "data")
    assert "one class, 'bar'" in failed.reason and "include_good=true" in failed.reason


def test_a_class_of_too_few_pictures_is_left_out_and_told(data, tmp_path) -> None:
    copy = Path(shutil.copytree(data, tmp_path / "data"))
    (copy / "rare").mkdir()
    for number in range(2):
        shutil.copyfile(copy / "bar" / "000.png", copy / "rare" / f"{number}.png")
    run, events = run_here(tmp_path / "run", tiny_job(epochs=1), copy)
    (warned,) = [event for event in kinds(events, Warned) if event.code == "classes_left_out"]
    assert warned.values["names"] == "rare"
    assert run.evaluation.read(ClassifyResults).metrics.left_out == {"rare": 2}


def test_class_names_are_data_whatever_stands_in_them(tmp_path) -> None:
    data = write_classes(tmp_path / "data", HOSTILE, count=6)
    run, _ = run_here(tmp_path / "run", tiny_job(epochs=1), data)
    results = run.evaluation.read(ClassifyResults)
    assert results.metrics.classes == sorted(HOSTILE)
    assert {row.label for row in results.rows} == set(HOSTILE)
    with run.evaluation.scores.open(newline="", encoding="utf-8") as file:
        assert {row["class"] for row in csv.DictReader(file)} == set(HOSTILE)


def test_a_transformer_learns_too(data, tmp_path) -> None:
    run, events = run_here(tmp_path / "run", tiny_job(backbone="test_vit", epochs=1), data)
    assert np.isfinite(run.evaluation.read(ClassifyResults).metrics.metrics["accuracy"] or 0)
    assert kinds(events, Finished)


def test_asked_for_weights_that_are_not_there_is_refused(data, tmp_path) -> None:
    with pytest.raises(SettingError, match="no pre-trained weights for 'resnet18'"):
        run_here(tmp_path / "run", tiny_job(backbone="resnet18", weights="pretrained"), data)


def test_a_folder_without_pictures_is_refused(tmp_path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="holds no pictures"):
        run_here(tmp_path / "run", tiny_job(), tmp_path / "empty")
