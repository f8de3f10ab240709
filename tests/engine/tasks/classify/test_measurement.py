import numpy as np
import pytest

from engine.contract.shares import proportion_interval
from engine.evaluation.intervals import bootstrap_classes, mean_of_shares
from engine.tasks.classify.measurement import balanced_accuracy, measure

CLASSES = ["bar", "edge", "square"]
# true:        bar bar bar bar edge edge square square square square
TRUE = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2, 2])
CALLED = np.array([0, 0, 0, 1, 1, 2, 2, 2, 2, 2])


def said(called: np.ndarray, *, sure: float = 0.8) -> np.ndarray:
    found = np.full((len(called), 3), (1 - sure) / 2)
    found[np.arange(len(called)), called] = sure
    return found


def measured(called=CALLED, true=TRUE, groups=None, **more):
    return measure(said(called, **more), true, CLASSES, groups=groups or [None] * len(true), seed=0)


def test_figures_are_those_computed_by_hand():
    metrics = measured()["metrics"]
    assert metrics["accuracy"] == pytest.approx(8 / 10)
    assert metrics["balanced_accuracy"] == pytest.approx((3 / 4 + 1 / 2 + 4 / 4) / 3)
    assert metrics["macro_f1"] == pytest.approx((6 / 7 + 2 / 4 + 8 / 9) / 3)
    assert metrics["chance"] == pytest.approx(1 / 3)
    assert metrics["majority_share"] == pytest.approx(4 / 10)
    assert metrics["nll"] == pytest.approx(-(8 * np.log(0.8) + 2 * np.log(0.1)) / 10)
    right, wrong = 0.2**2 + 2 * 0.1**2, 0.8**2 + 0.9**2 + 0.1**2
    assert metrics["brier"] == pytest.approx((8 * right + 2 * wrong) / 10)


def test_the_confusion_matrix_has_the_true_classes_as_rows():
    found = measured()
    assert found["confusion"] == [[3, 1, 0], [0, 1, 1], [0, 0, 4]]
    edge = found["per_class"]["edge"]
    assert (edge.count, edge.found, edge.called) == (2, 1, 2)
    assert (edge.recall, edge.precision, edge.f1) == (0.5, 0.5, 0.5)


def test_the_calibration_error_is_how_far_what_is_said_is_from_what_is_so():
    assert measured()["metrics"]["ece"] == pytest.approx(0.0)  # 4 of 5 right in each half, as it said
    assert measured(sure=0.9)["metrics"]["ece"] == pytest.approx(0.1)


def test_a_class_without_test_pictures_is_null_with_the_reason():
    found = measured(true=np.where(TRUE == 1, 0, TRUE))
    assert found["metrics"]["balanced_accuracy"] is None and found["metrics"]["macro_f1"] is None
    assert found["metrics"]["accuracy"] is not None
    assert found["reasons"]["balanced_accuracy"] == "there are no test pictures of 'edge'"
    assert found["per_class"]["edge"].recall is None and found["per_class"]["edge"].reason


def test_a_class_that_nothing_is_called_has_no_precision_but_an_f1_of_zero():
    edge = measured(called=np.where(CALLED == 1, 0, CALLED))["per_class"]["edge"]
    assert edge.precision is None and edge.reason
    assert edge.f1 == 0.0


def test_of_few_test_pictures_no_calibration_error_is_told():
    found = measured(called=CALLED[:9], true=TRUE[:9])
    assert found["metrics"]["ece"] is None and "10 are needed" in found["reasons"]["ece"]


def test_intervals_hold_the_figure_and_do_not_shrink_to_a_point_where_all_are_right():
    found = measured(called=TRUE)
    low, high = found["intervals"]["balanced_accuracy"]
    assert found["metrics"]["balanced_accuracy"] == 1.0 and high == 1.0
    assert low < 0.85


def test_pictures_of_one_group_count_once():
    pairs = np.array([[0, 0]] * 5 + [[0, 1]] * 5 + [[1, 1]] * 10)
    groups = ["a"] * 5 + ["b"] * 5 + ["c"] * 5 + ["d"] * 5
    assert bootstrap_classes(balanced_accuracy, pairs, classes=2, seed=0, groups=groups) == (0.5, 1.0)
    low, high = bootstrap_classes(balanced_accuracy, pairs, classes=2, seed=0)
    assert 0.55 < low < 0.7 and 0.8 < high < 0.95
    recalls = measured(groups=["a", "a", "b", "b", "c", "d", "e", "e", "f", "f"])["per_class"]["bar"]
    assert recalls.recall_interval == pytest.approx(proportion_interval(1.5, 2))


def test_a_class_of_a_single_group_has_no_bootstrap():
    pairs = np.array([[0, 0], [0, 0], [1, 1], [1, 0]])
    assert bootstrap_classes(balanced_accuracy, pairs, classes=2, seed=0, groups=["a", "a", "b", "c"]) is None


def test_an_interval_of_a_mean_of_shares_is_that_of_the_share_where_there_is_one():
    assert mean_of_shares([0.9], [20]) == pytest.approx(proportion_interval(18, 20))
    assert mean_of_shares([0.9, 0.8], [20, 0]) is None
