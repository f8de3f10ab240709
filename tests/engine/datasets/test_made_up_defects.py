"""Made-up defects to test with: visible, of every type, the same for the same seed, and never counted among real ones."""

from pathlib import Path

import numpy as np
import pytest

from engine.contract.folder import RunFolder
from engine.contract.results.detect import DetectResults
from engine.datasets.loading import Pictures
from engine.datasets.made_up_defects import KINDS, LEAST_CHANGE, MOST_OF_TYPE, with_test_defects
from tests.engine.samples import items_of, run_here, tiny_spec, write_mvtec

SIZE = 64


def made(data: Path, seed: int = 0) -> tuple[list, Pictures]:
    pictures = Pictures(image_size=SIZE)
    return with_test_defects(
        [item for item in items_of(data, split="test") if item.label == "good"], pictures, seed=seed
    ), pictures


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_mvtec(tmp_path_factory.mktemp("data"), train=12, good=6, defective=4)


def test_each_good_picture_gets_a_defect_of_every_type_that_can_be_seen(data):
    items, pictures = made(data)
    sources = {item.name: item for item in items_of(data, split="test")}
    assert len(items) == 6 * len(KINDS)
    for item in items:
        kind, _, source = item.name.partition("/")
        assert kind == item.defect_type
        before, after = (pictures.get(each).pixels.astype(float) for each in (sources[source], item))
        changed = np.abs(after - before).max(axis=2) > 0
        assert 0 < changed.mean() < 0.5
        assert np.abs(after - before)[changed].mean() / 255 > LEAST_CHANGE / 2


def test_the_same_seed_makes_the_same_defects_and_another_one_others(data):
    (items, first), (_, again), (_, others) = made(data), made(data), made(data, seed=1)
    assert all((first.get(item).pixels == again.get(item).pixels).all() for item in items)
    assert any((first.get(item).pixels != others.get(item).pixels).any() for item in items)


def test_there_are_not_more_of_a_type_than_a_few(tmp_path):
    items, _ = made(write_mvtec(tmp_path, train=1, good=MOST_OF_TYPE + 4, defective=0))
    assert len(items) == MOST_OF_TYPE * len(KINDS)


@pytest.fixture(scope="module")
def results(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, DetectResults]:
    """Of the same training, tested with each."""
    found = {}
    for which in ("own", "synthetic", "both"):
        run = tmp_path_factory.mktemp(which) / "run"
        spec = tiny_spec("padim", num_features=8, threshold_policy="split_conformal", most_good=10, test_defects=which)
        run_here(run, spec, data)
        found[which] = RunFolder(run).evaluation.read(DetectResults)
    return found


def test_what_is_found_of_real_defects_does_not_hang_on_made_up_ones(results):
    own, both = results["own"].metrics, results["both"].metrics
    assert own.metrics == pytest.approx(both.metrics, abs=1e-5)  # pixels are counted by bins between the scores of all
    assert own.per_defect_type == both.per_defect_type
    assert own.per_size == both.per_size
    assert both.metrics["missed"] is not None
    assert (own.on_synthetic, own.counts["test_defective"], both.counts["test_defective"]) == (None, 4, 4)


def test_what_is_found_of_made_up_defects_stands_apart_by_type_and_their_rows_are_marked(results):
    told, rows = results["both"].metrics.on_synthetic, results["both"].rows
    made_up = [row for row in rows if (row.defect_type or "").startswith("synthetic_")]
    assert told is not None
    assert told.count == results["both"].metrics.counts["test_made_up"] == len(made_up) == 6 * len(KINDS)
    assert {row.label for row in made_up} == {"unknown"}
    assert told.per_defect_type.keys() == {f"synthetic_{kind}" for kind in KINDS}
    assert told.missed == sum(not row.is_anomalous for row in made_up)
    assert told.image_auroc is not None and told.interval is not None
    assert told.interval[0] <= told.image_auroc <= told.interval[1]


def test_with_made_up_defects_alone_nothing_is_said_of_real_ones(results):
    metrics = results["synthetic"].metrics
    assert (metrics.metrics["image_auroc"], metrics.metrics["missed"], metrics.counts["test_defective"]) == (
        None,
        None,
        0,
    )
    assert metrics.reasons["image_auroc"]
    assert metrics.on_synthetic == results["both"].metrics.on_synthetic


def test_a_cut_of_the_good_pictures_is_what_is_learnt_from(results):
    assert results["own"].metrics.counts["train_good"] == 10
