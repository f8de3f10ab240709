"""What a whole evaluation writes: metrics.json and scores.csv of a small model with a rule that can be followed by hand."""

import csv
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.datasets import Item
from engine.datasets.loading import Loader
from engine.evaluate import evaluate
from engine.evaluation.calibration import Calibration, calibrate, calibration_from
from engine.models import AnomalyModel, Prediction
from engine.report import Report
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


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    return write_mvtec(tmp_path_factory.mktemp("data"), train=24, good=10, defective=10)


def run_evaluation(items: list[Item], good: list[Item], run: Path, **settings) -> tuple[dict, list[dict[str, str]]]:
    run.mkdir()
    model, report = Contrast(), Report(run)
    calibration = calibrate(model, loader(good), overkill_rate=0.1, report=report)
    evaluate(
        model, loader(items), run, calibration=calibration, seed=0, facts={"made": "up"}, report=report, **settings
    )
    report.log.close()
    return read(run)


def loader(items: list[Item]) -> Loader:
    return Loader(items, image_size=64, batch_size=4)


def read(run: Path) -> tuple[dict, list[dict[str, str]]]:
    with (run / "evaluation" / "scores.csv").open(newline="", encoding="utf-8") as file:
        return json.loads((run / "evaluation" / "metrics.json").read_text()), list(csv.DictReader(file))


@pytest.fixture(scope="module")
def evaluated(data, tmp_path_factory) -> tuple[dict, list[dict[str, str]]]:
    run = tmp_path_factory.mktemp("runs") / "one"
    return run_evaluation(items_of(data, split="test"), items_of(data, split="train"), run, escape_cost=3.0)


def test_every_figure_is_there_and_has_an_interval_where_chance_plays_a_part(evaluated):
    facts, _ = evaluated
    assert set(facts["metrics"]) == {
        "image_auroc", "image_aupr", "image_f1_max", "recall_at_0_overkill", "recall_at_1_overkill",
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
    assert all(0 < float(row["confidence"]) < 1 for row in rows)
    assert min(float(row["confidence"]) for row in rows if row["label"] == "defective") > 0.5
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
    assert {row["confidence"] for row in rows} == {""}
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
