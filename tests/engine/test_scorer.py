"""All that scores goes through the scorer of its kind of run."""

import ast
from pathlib import Path

import numpy as np
import pytest
import torch

from engine.contract.folder import RunFolder
from engine.datasets.loading import Loader
from engine.scorer import Scorer
from tests.engine.samples import items_of, run_here, tiny_spec, write_mvtec

ENGINE = Path(__file__).resolve().parents[2] / "engine"


def asks_for_scores(path: Path) -> bool:
    calls = (node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return any(isinstance(each, ast.Attribute) and each.attr == "predict_step" for each in calls)


def test_nothing_but_the_scorer_asks_a_model_for_scores() -> None:
    asking = {str(path.relative_to(ENGINE)) for path in ENGINE.rglob("*.py") if asks_for_scores(path)}
    own = {name for name in asking if name.startswith(("models/", "trainers/"))}  # from within a model, or to learn
    assert asking - own == {"scorer.py"}
    assert {name for name in own if name.startswith("trainers/")} == set()


CLASSIFY = ENGINE / "tasks" / "classify"
NETWORKS = ("model", "network", "classifier")


def runs_a_network(path: Path) -> bool:
    """Whether it calls what is named as a network: `model(images)`, `scorer.model(images)`."""
    called = (node.func for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return any(getattr(each, "id", getattr(each, "attr", None)) in NETWORKS for each in called)


def test_nothing_but_its_scorer_asks_a_classifier_what_it_says() -> None:
    asking = {path.name for path in CLASSIFY.glob("*.py") if runs_a_network(path)}
    assert asking - {"classifier.py"} == {"scoring.py"}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run") / "r1"
    data = write_mvtec(folder.parent / "data", train=12, good=3, defective=3)
    run_here(folder, tiny_spec("padim", num_features=10, threshold_policy="split_conformal"), data)
    return folder


def test_a_saved_model_judges_as_its_evaluation_said(run: Path) -> None:
    scorer, card = Scorer.load(RunFolder(run).model, weights_folder=None, hub=False)
    test = items_of(run.parent / "data", split="test")
    found = scorer.inspect(Loader(test, image_size=64, batch_size=4), what="evaluating")
    lines = RunFolder(run).evaluation.scores.read_text().splitlines()[1:]
    told = {line.split(",")[1]: line.split(",") for line in lines}
    chances = scorer.p_values(found.scores)
    assert chances is not None
    for name, score, verdict, chance in zip(
        found.names, found.scores, scorer.is_anomalous(found.scores), chances, strict=True
    ):
        row = told[name]
        assert (float(row[4]), int(row[5])) == (pytest.approx(float(score), rel=1e-4), int(verdict))
        assert float(row[6]) == pytest.approx(float(chance))
    assert scorer.threshold == card.thresholds.image.value


def test_a_score_that_is_the_threshold_is_good_whatever_its_digits(run: Path) -> None:
    scorer, _ = Scorer.load(RunFolder(run).model, weights_folder=None, hub=False)
    assert scorer.threshold is not None
    beside = np.array([scorer.threshold, np.nextafter(scorer.threshold, np.inf)])
    assert scorer.is_anomalous(beside).tolist() == [False, True]


def test_a_picture_is_judged_by_the_threshold_of_images_not_of_pixels() -> None:
    judge = Scorer(torch.nn.Identity(), threshold=2.0, pixel_threshold=5.0)  # type: ignore[arg-type]
    assert judge.is_anomalous(np.array([1.0, 3.0, 6.0])).tolist() == [False, True, True]
