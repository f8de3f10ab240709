"""What a whole evaluation writes: figures, rows and findings of a small model with a rule that can be followed by hand."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from engine.contract.folder import RunFolder
from engine.contract.results import Written
from engine.contract.results.detect import DetectResults, Finding, ScoreRow
from engine.datasets import Item
from engine.datasets.loading import Loader
from engine.evaluation.calibration import Calibration, calibration_from
from engine.evaluation.confidence import cross_fit
from engine.evaluation.heatmaps import overlay
from engine.evaluation.regions import find_regions
from engine.evaluation.speed_and_memory import measure_speed_and_memory
from engine.layers.neighbours import Neighbour
from engine.models import AnomalyModel, Prediction
from engine.report import Report
from engine.scorer import Scorer
from engine.tasks.detect.evaluation import UNCOMMON, evaluate
from engine.trainers.base import BaseTrainer
from tests.engine.samples import items_of, write_mvtec


class Contrast(AnomalyModel):
    """A pixel is as anomalous as its brightness is far from that of the plates; a picture as its most anomalous pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("plain", torch.tensor(110 / 255))

    def predict_step(self, batch):
        score_map = (batch.images.mean(dim=1, keepdim=True) - self.plain).abs()  # (B, 1, H, W)
        return Prediction(score_map.amax(dim=(1, 2, 3)), score_map)


class Tenfold(Contrast):
    """Pictures score ten times as high as pixels, and each map begins at another score: nothing may be taken for the other."""

    def predict_step(self, batch):
        score_map = super().predict_step(batch).anomaly_map
        score_map = score_map + score_map.mean(dim=(1, 2, 3), keepdim=True)
        return Prediction(10 * score_map.amax(dim=(1, 2, 3)), score_map)


class Blind(Contrast):
    """Sees nothing, and knows one good patch that is nearest to whatever it is asked about."""

    def __init__(self) -> None:
        super().__init__()
        self.remembered = ["train/good/0.png"]

    def predict_step(self, batch):
        score_map = super().predict_step(batch).anomaly_map
        score_map = score_map / score_map.amax(dim=(1, 2, 3), keepdim=True)  # none rises above another
        return Prediction(batch.images[:, 0, 0, 0], score_map)

    def explain(self, batch, places, *, k):
        return [[Neighbour(image=0, x=0.5, y=0.25, distance=float(y)) for _ in range(k)] for _, y, _ in places]


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_mvtec(tmp_path_factory.mktemp("data"), train=24, good=10, defective=10)


def run_evaluation(
    items: list[Item], good: list[Item], run: Path, *, kind: type[Contrast] = Contrast, **settings
) -> tuple[dict, list[ScoreRow]]:
    run.mkdir()
    model, report = kind(), Report(run)
    held_out = Scorer(model).inspect(loader(good), what="calibrating", report=report)
    calibration = calibration_from(held_out.scores, held_out.map_highs, overkill_rate=0.1)
    measures, _ = evaluate(
        Scorer(model).calibrated(calibration),
        loader(items),
        RunFolder(run).evaluation,
        calibration=calibration,
        seed=0,
        facts={"made": "up"},
        report=report,
        **settings,
    )
    report.log.close()
    figures, rows = read(run)
    assert figures["metrics"] == measures.metrics  # what the log tells is what is written
    return figures, rows


def loader(items: list[Item]) -> Loader:
    return Loader(items, image_size=64, batch_size=4)


def read(run: Path) -> tuple[dict, list[ScoreRow]]:
    results = RunFolder(run).evaluation.read(DetectResults)
    return results.metrics.facts(), results.rows


@pytest.fixture(scope="module")
def evaluated(data, tmp_path_factory) -> tuple[dict, list[ScoreRow]]:
    run = tmp_path_factory.mktemp("runs") / "one"
    return run_evaluation(items_of(data, split="test"), items_of(data, split="train"), run, escape_cost=3.0)


def test_what_is_written_of_a_picture_is_its_own_and_by_the_threshold_of_its_kind(data, tmp_path):
    items = items_of(data, split="test")
    facts, rows = run_evaluation(items, items_of(data, split="train"), tmp_path / "run", kind=Tenfold)
    image, pixel = facts["threshold"]["image"], facts["threshold"]["pixel"]
    assert image == pytest.approx(10 * pixel)
    assert facts["metrics"]["recall"] == facts["metrics"]["region_recall"] == 1.0
    assert facts["metrics"]["overkill"] < 0.5
    folder = RunFolder(tmp_path / "run").evaluation
    loaded = next(iter(Loader(items, image_size=64, batch_size=len(items))))
    maps = torch.cat([Tenfold().predict_step(batch).anomaly_map[:, 0] for batch in loader(items)]).numpy()
    for index, (row, score_map) in enumerate(zip(rows, maps, strict=True)):
        assert row.score == pytest.approx(10 * score_map.max())
        assert row.is_anomalous == (row.score > image)
        np.testing.assert_array_equal(grey(folder.picture("masks", index)) > 0, score_map > pixel)
        heat = overlay(loaded.pixels(index), score_map, threshold=pixel, lowest=maps.min())
        with Image.open(folder.picture("overlays", index)) as drawn:
            np.testing.assert_array_equal(np.asarray(drawn), heat)
        told = folder.read_finding(index, Finding)
        assert told.image.score == row.score
        assert told.regions == find_regions(score_map, threshold=pixel)
        highest = told.image.highest
        assert score_map[highest.y, highest.x] == highest.score == score_map.max()
        if items[index].label == "defective":
            truth = grey(folder.picture("truth", index))
            np.testing.assert_array_equal(truth > 0, loaded.masks[index, 0].numpy() > 0)


def grey(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_what_is_nearest_to_the_highest_place_of_a_missed_defect_is_told_though_no_region_is(data, tmp_path):
    items, good = items_of(data, split="test"), items_of(data, split="train")
    _, rows = run_evaluation(items, good, tmp_path / "run", kind=Blind)
    found = [RunFolder(tmp_path / "run").evaluation.read_finding(row.index, Finding) for row in rows]
    missed = [each.image.highest for each, row in zip(found, rows, strict=True) if row.label == "defective"]
    assert missed and not any(each.regions for each in found)
    assert all(each.nearest[0].name == "train/good/0.png" and each.nearest[0].distance == each.y for each in missed)
    usual = [each for each, row in zip(found, rows, strict=True) if row.label == "good" and row.p_value > UNCOMMON]
    assert usual and all(each.image.highest.nearest is None for each in usual)


def test_how_fast_it_inspects_and_what_memory_it_takes_is_told_with_what_it_was_measured_on(evaluated):
    told = evaluated[0]["speed_and_memory"]
    assert told["ms_per_image"] > 0 and told["batch_size"] == 4 and told["device"] == "cpu" and told["threads"] >= 1
    assert told["peak_memory_mb"] > 10 and 0 < told["model_mb"] < 1


def test_the_speed_is_that_of_a_usual_whole_batch_and_not_of_the_first():
    told = measure_speed_and_memory([(4, 9.0), (4, 0.4), (4, 0.8), (4, 0.4), (1, 5.0)], Contrast())
    assert told.ms_per_image == pytest.approx(100)
    assert measure_speed_and_memory([(2, 0.2)], Contrast()).ms_per_image == pytest.approx(100)


def test_recall_by_size_and_by_type_counts_each_picture_where_it_belongs(data, tmp_path):
    """Pictures that are called good are of another type, and smaller, than those that are found."""
    test = items_of(data, split="test")
    missed = [
        replace(item, label="defective", defect_type="hidden", mask=_tiny(tmp_path / f"{i}.png"))
        for i, item in enumerate(test[:3])
    ]
    facts, _ = run_evaluation([*missed, *test[3:]], items_of(data, split="train"), tmp_path / "run")
    types = facts["per_defect_type"]
    assert (types["hidden"]["count"], types["patch"]["count"], types["patch"]["found"]) == (3, 10, 10)
    assert types["hidden"]["found"] == facts["per_size"]["tiny"]["found"] <= 1
    assert (facts["per_size"]["tiny"]["images"], facts["per_size"]["large"]["found"]) == (3, 10)
    for reached in facts["at_overkill"].values():
        assert reached["per_defect_type"]["patch"] == 1.0
        assert reached["per_defect_type"]["hidden"] < 1.0


def _tiny(path: Path) -> Path:
    mask = np.zeros((64, 64), dtype=np.uint8)
    mask[5, 5] = 255
    Image.fromarray(mask).save(path)
    return path


def test_whatever_is_measured_has_its_field_in_the_contract(data, tmp_path):
    items = items_of(data, split="test")
    run_evaluation([replace(items[0], mask=None), *items[1:]], items_of(data, split="train"), tmp_path / "run")
    results = RunFolder(tmp_path / "run").evaluation.read(DetectResults)
    assert list(_unknown(results.metrics)) == ["made"]  # by this test, which no run writes
    findings = [RunFolder(tmp_path / "run").evaluation.read_finding(row.index, Finding) for row in results.rows]
    assert not [name for finding in findings for name in _unknown(finding)]
    assert any(finding.regions for finding in findings)


def _unknown(written: object) -> Iterator[str]:
    """Names, at any depth, that the contract has no field for."""
    if isinstance(written, Written):
        yield from written.model_extra or {}
        written = vars(written)
    for each in written.values() if isinstance(written, dict) else written if isinstance(written, list) else ():
        yield from _unknown(each)


def test_every_figure_is_there_and_has_an_interval_where_chance_plays_a_part(evaluated):
    facts, _ = evaluated
    assert set(facts["metrics"]) == {
        "image_auroc", "image_aupr", "image_f1_max", "worst_type_auroc", "recall_at_0_overkill", "recall_at_1_overkill",
        "recall_at_5_overkill", "recall", "escape_rate", "overkill", "missed", "false_alarms", "pixel_auroc",
        "pixel_aupr", "pixel_f1_max", "aupro_30", "aupro_05", "region_recall", "false_regions_per_good",
    }  # fmt: skip
    assert facts["reasons"] == {}
    assert facts["metrics"]["aupro_30"] > 0.8
    assert facts["metrics"]["image_auroc"] == 1.0
    assert facts["intervals"]["image_auroc"][0] < 0.9  # ten of each prove no more
    assert facts["intervals"]["recall"][0] == pytest.approx(0.025 ** (1 / 10))
    assert "image_aupr" in facts["interval_notes"]  # every resample is perfect
    for name, (low, high) in facts["intervals"].items():
        assert low <= facts["metrics"][name] <= high, name
    assert facts["made"] == "up"


def test_sizes_overkills_and_oracles_tell_the_same_story(evaluated):
    facts, _ = evaluated
    assert facts["per_size"] == {
        "large": {
            "from": 0.05, "to": 1.0, "images": 10, "found": 10, "missed": 0, "recall": 1.0,
            "recall_interval": [pytest.approx(0.6915, abs=1e-4), 1.0], "regions": 10, "regions_hit": 10,
            "region_recall": 1.0,
        }
    }  # fmt: skip
    assert set(facts["at_overkill"]) == {"0", "1", "5"}
    assert facts["at_overkill"]["0"]["recall"] == facts["metrics"]["recall_at_0_overkill"] == 1.0
    assert facts["at_overkill"]["0"]["false_alarms"] == 0
    assert facts["at_overkill"]["0"]["per_defect_type"] == {"patch": 1.0}
    assert facts["oracle"]["image_f1_max"] == facts["metrics"]["image_f1_max"] == 1.0
    assert facts["oracle"]["cost_based"]["escape_cost"] == 3.0
    assert facts["oracle"]["cost_based"]["defect_rate"] == 0.01
    assert facts["oracle"]["f1_optimal"]["missed"] == 0
    assert facts["per_defect_type"]["patch"]["recall_interval"][1] == 1.0
    assert max(facts["tolerance"].values()) < 1e-3


def test_the_threshold_tells_its_policy_and_what_it_promises(evaluated):
    threshold = evaluated[0]["threshold"]
    assert threshold["policy"] == "split_conformal"
    assert (threshold["calibration_images"], threshold["images_needed"], threshold["oracle"]) == (24, 9, False)
    assert threshold["promise"].startswith("On average at most 8 % of new good images are called defective.")
    assert threshold["image"] == threshold["pixel"]  # of this model the image score is the map's highest


def test_good_test_images_unlike_those_that_set_the_threshold_are_noticed(evaluated, data, tmp_path):
    good, test = items_of(data, split="train"), items_of(data, split="test")
    mislabelled = [replace(item, label="good") for item in test]  # half of the good ones are in truth defective
    facts, _ = run_evaluation(mislabelled, good, tmp_path / "mislabelled")
    assert evaluated[0]["promise_check"]["held"]
    assert facts["promise_check"]["held"] is False
    assert facts["promise_check"]["ks_p_value"] < 0.01 < evaluated[0]["promise_check"]["ks_p_value"]
    facts, _ = run_evaluation([item for item in test if item.label == "defective"], good, tmp_path / "defects")
    assert facts["promise_check"] == {"held": None, "reason": "there are no good images to test with"}


def test_each_row_has_a_confidence_learnt_from_others(evaluated):
    facts, rows = evaluated
    assert all(0 < row.confidence < 1 for row in rows)
    assert min(row.confidence for row in rows if row.label == "defective") > 0.5
    assert facts["confidence"]["images"] == 20
    assert facts["confidence"]["brier"] < facts["confidence"]["brier_of_share"]


def test_without_defects_or_masks_figures_are_null_with_their_reason(data, tmp_path):
    good, test = items_of(data, split="train"), items_of(data, split="test")
    facts, rows = run_evaluation([item for item in test if item.label == "good"], good, tmp_path / "goods")
    for name in ("image_auroc", "recall", "recall_at_0_overkill", "aupro_30", "region_recall", "pixel_f1_max"):
        assert facts["metrics"][name] is None
        assert "defective" in facts["reasons"][name]
    assert facts["metrics"]["overkill"] is not None
    assert facts["per_size"] == {}
    assert "needed to learn a confidence" in facts["confidence"]["reason"]
    assert {row.confidence for row in rows} == {None}
    facts, _ = run_evaluation([replace(item, mask=None) for item in test], good, tmp_path / "maskless")
    assert facts["metrics"]["recall"] == 1.0
    assert facts["reasons"]["aupro_05"] == facts["reasons"]["region_recall"]
    assert "have no masks" in facts["reasons"]["aupro_05"]


def test_images_of_few_panels_have_wider_intervals(data, tmp_path):
    good, test = items_of(data, split="train"), items_of(data, split="test")
    noisy = [replace(item, label="defective") if i < 3 else item for i, item in enumerate(test)]
    plain, _ = run_evaluation(noisy, good, tmp_path / "plain")
    panels = [replace(item, group=f"{item.label} panel {i // 3}") for i, item in enumerate(noisy)]
    grouped, _ = run_evaluation(panels, good, tmp_path / "panels")
    assert grouped["metrics"] == plain["metrics"]

    def width(facts: dict, name: str) -> float:
        return np.ptp(facts["intervals"][name])

    assert width(grouped, "recall") > width(plain, "recall")
    assert width(grouped, "image_aupr") > width(plain, "image_aupr")


def test_maps_of_one_panel_give_no_interval_of_pixels(data, tmp_path):
    """Ten pictures of one defective panel are one draw: how another panel would look is not known."""
    good, test = items_of(data, split="train"), items_of(data, split="test")
    panel = [replace(item, group="panel" if item.label == "defective" else None) for item in test]
    facts, _ = run_evaluation(panel, good, tmp_path / "panel")
    plain, _ = run_evaluation(test, good, tmp_path / "plain")
    for name in ("aupro_30", "aupro_05"):
        assert facts["metrics"][name] == plain["metrics"][name] is not None
        assert name in facts["interval_notes"]
        assert name not in facts["intervals"]
        assert name in plain["intervals"]


def test_confidences_are_learnt_from_other_panels_than_the_images_own(data, tmp_path):
    good, test = items_of(data, split="train"), items_of(data, split="test")
    items = [replace(item, group=f"{item.label} panel {i // 4}") for i, item in enumerate(test)]
    _, rows = run_evaluation(items, good, tmp_path / "panels")
    scores, labels = [row.score for row in rows], [int(row.label == "defective") for row in rows]
    by_panel = cross_fit(scores, labels, seed=0, groups=[item.group for item in items]).values
    assert [row.confidence for row in rows] == pytest.approx(by_panel, abs=1e-4)
    assert np.abs(by_panel - cross_fit(scores, labels, seed=0).values).max() > 1e-3


def test_a_calibration_can_be_made_of_scores_from_several_models():
    calibration = calibration_from(
        np.arange(40.0), np.arange(40.0) + 5, overkill_rate=0.05, policy="leave_one_out", folds=10
    )
    assert isinstance(calibration, Calibration)
    assert (calibration.image.value, calibration.pixel.value) == pytest.approx((38.0, 43.0), rel=2e-5)
    assert calibration.image.promised > 0.1
    assert calibration.scores == list(np.arange(40.0))


def test_a_trainer_measures_the_same_without_writing_anything(evaluated, data):
    trainer = BaseTrainer(Contrast())
    figures = trainer.evaluate(loader(items_of(data, split="test")), threshold=evaluated[0]["threshold"]["image"])
    assert figures.items() <= evaluated[0]["metrics"].items()
    assert {"aupro_05", "pixel_f1_max", "recall_at_5_overkill", "overkill"} <= set(figures)
