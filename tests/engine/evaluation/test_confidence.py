"""Confidences: true where the truth is known, never learnt from the image itself, absent without labels."""

import numpy as np
import pytest
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from engine.evaluation.confidence import LEAST, calibration_error, cross_fit, fit_curve


def sample(count: int, *, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores, labels, and the true probabilities that the labels were drawn by."""
    generator = np.random.default_rng(seed)
    scores = generator.normal(50, 10, count)
    truth = expit((scores - 55) / 4)
    return scores, (generator.random(count) < truth).astype(int), truth


def test_confidences_come_near_the_true_probabilities():
    scores, labels, truth = sample(2000, seed=0)
    found = cross_fit(scores, labels, seed=0)
    assert np.abs(found.values - truth).max() < 0.08
    assert found.ece < 0.05
    assert found.brier == pytest.approx((truth * (1 - truth)).mean(), abs=0.02)
    assert found.brier < found.brier_of_share
    assert (found.images, found.folds) == (2000, 5)


def test_the_curve_is_that_of_a_plain_logistic_regression_where_there_are_many_images():
    scores, labels, _ = sample(3000, seed=1)
    curve = fit_curve(scores, labels.astype(float))
    reference = LogisticRegression(C=np.inf, max_iter=1000, tol=1e-8).fit(scores[:, None], labels)
    assert curve.slope == pytest.approx(reference.coef_[0, 0], rel=0.02)
    assert curve.offset == pytest.approx(reference.intercept_[0], rel=0.02)


def test_no_confidence_was_learnt_from_the_image_it_is_of():
    """Labels drawn by lot: who learns from the image itself looks better than chance on average, who does not looks worse."""
    within, across, chance = [], [], []
    for seed in range(200):
        generator = np.random.default_rng(seed)
        scores, labels = generator.normal(size=16), generator.permutation([0] * 8 + [1] * 8)
        found = cross_fit(scores, labels, seed=seed)
        within.append(((found.curve(scores) - labels) ** 2).mean())
        across.append(found.brier)
        chance.append(found.brier_of_share)
    assert np.mean(within) < np.mean(chance) < np.mean(across)


def test_images_of_one_panel_share_a_fold():
    """Panels whose images are equal: with the twin of an image at hand, its label would be known."""
    generator, twins, apart = np.random.default_rng(0), [], []
    for seed in range(30):
        scores, labels = np.repeat(generator.normal(size=12), 4), np.repeat([0, 1] * 6, 4)
        groups = [f"panel {i // 4}" for i in range(48)]
        apart.append(cross_fit(scores, labels, seed=seed, groups=groups).brier)
        twins.append(cross_fit(scores, labels, seed=seed).brier)
    assert np.mean(apart) > np.mean(twins) + 0.01


def test_classes_that_lie_apart_do_not_make_confidence_a_step():
    scores, labels = np.arange(40.0), np.repeat([0, 1], 20)
    found = cross_fit(scores, labels, seed=0)
    assert 0 < found.values.min() < 0.1 < 0.9 < found.values.max() < 1
    assert np.isfinite(found.curve.slope)
    assert found.curve.slope > 0


def test_scores_that_say_the_opposite_give_the_share_of_defects_not_a_falling_curve():
    found = cross_fit(np.arange(40.0), np.repeat([1, 0], 20), seed=0)
    assert found.curve.slope == 0
    assert found.values == pytest.approx(np.full(40, 0.5), abs=0.1)


@pytest.mark.parametrize("factor", [1e-30, 1.0, 1e30])
def test_the_scale_of_scores_changes_nothing(factor):
    scores, labels, _ = sample(200, seed=2)
    plain, scaled = cross_fit(scores, labels, seed=0), cross_fit(scores * factor, labels, seed=0)
    assert scaled.values == pytest.approx(plain.values, abs=1e-6)


def test_unlabelled_images_get_the_curve_of_all_labelled_ones():
    scores, labels, _ = sample(100, seed=3)
    found = cross_fit([*scores, 60.0], [*labels, -1], seed=0)
    assert found.values[-1] == pytest.approx(found.curve(60.0))
    assert found.images == 100


def test_too_few_labels_give_a_reason_instead():
    found = cross_fit(range(30), [0] * 26 + [1] * 4, seed=0)
    assert found.values is None
    assert found.reason == f"26 good and 4 defective test images; {LEAST} of each are needed to learn a confidence"
    one_panel = cross_fit(range(30), [0] * 20 + [1] * 10, seed=0, groups=[None] * 20 + ["panel"] * 10)
    assert one_panel.values is None
    assert "too few groups" in one_panel.reason


def test_calibration_error_by_hand():
    said, so = np.array([0.1] * 5 + [0.8] * 5), np.array([0, 0, 0, 0, 1, 1, 1, 1, 0, 0])
    assert calibration_error(said, so.astype(float)) == pytest.approx((0.1 + 0.2) / 2)
