"""Metrics against scikit-learn, against values computed by hand, and at the edges where nothing can be measured."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from engine.intervals import bootstrap_interval
from engine.metrics import get_metric, per_defect_type, tally
from engine.pixel_counts import PixelTally

SCORES = st.floats(-1e3, 1e3, allow_nan=False, width=32)


@st.composite
def labelled(draw):
    """Scores with many ties, and labels of both classes."""
    n = draw(st.integers(2, 40))
    scores = draw(st.lists(st.one_of(SCORES, st.sampled_from([0.0, 1.0, 2.0])), min_size=n, max_size=n))
    labels = draw(st.lists(st.integers(0, 1), min_size=n - 2, max_size=n - 2))
    return np.array(scores), np.array([0, 1, *labels])


@given(labelled())
def test_image_metrics_agree_with_scikit_learn(case):
    scores, labels = case
    counts = tally(scores, labels)
    assert get_metric("image_auroc")(counts).value == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)
    assert get_metric("image_aupr")(counts).value == pytest.approx(average_precision_score(labels, scores), abs=1e-12)


@given(labelled(), st.integers(2, 300))
@settings(max_examples=60)
def test_pixel_auroc_stays_within_the_stated_tolerance(case, bins):
    scores, masks = case
    pixels = PixelTally(low=float(scores.min()), high=float(scores.max()), bins=bins)
    pixels.add(scores[:1], masks[:1])
    pixels.add(scores[1:], masks[1:])
    measured = get_metric("pixel_auroc")(pixels.tally()).value
    assert abs(measured - roc_auc_score(masks, scores)) <= pixels.tolerance() + 1e-12


def test_pixel_metrics_of_large_maps_agree_with_scikit_learn():
    generator = np.random.default_rng(0)
    masks = generator.random((20, 64, 64)) < 0.03
    maps = generator.gamma(2.0, size=masks.shape) + masks * generator.normal(2, 1, masks.shape)
    pixels = PixelTally(low=float(maps.min()), high=float(maps.max()))
    for score_map, mask in zip(maps, masks, strict=True):
        pixels.add(score_map, mask)
    assert pixels.tolerance() < 1e-5
    counts, truth, scores = pixels.tally(), masks.ravel(), maps.ravel()
    assert get_metric("pixel_auroc")(counts).value == pytest.approx(roc_auc_score(truth, scores), abs=1e-5)
    assert get_metric("pixel_aupr")(counts).value == pytest.approx(average_precision_score(truth, scores), abs=1e-4)


def test_a_metric_without_both_classes_is_none_with_a_reason():
    only_good = tally([0.1, 0.2], [0, 0])
    for name in ("image_auroc", "image_aupr", "image_f1_max", "pixel_auroc", "pixel_aupr"):
        measured = get_metric(name)(only_good)
        assert measured.value is None
        assert "defective" in measured.reason
    assert get_metric("recall", threshold=0.1)(only_good).reason == "there are no defective images to test with"
    assert get_metric("overkill", threshold=0.1)(only_good).value == 0.5
    assert get_metric("overkill", threshold=0.1)(tally([0.1], [1])).value is None
    assert "labelled" in get_metric("image_auroc")(tally([0.3], [-1])).reason


def test_verdicts_at_a_threshold_by_hand():
    counts = tally([1, 2, 3, 4, 5, 9], [0, 0, 0, 1, 1, -1])
    values = {name: get_metric(name, threshold=4)(counts).value for name in ("recall", "escape_rate", "missed")}
    assert values == {
        "recall": 0.5,
        "escape_rate": 0.5,
        "missed": 1.0,
    }  # 4 is not above 4; the unknown one counts nowhere
    assert get_metric("overkill", threshold=1.5)(counts).value == pytest.approx(2 / 3)
    assert get_metric("false_alarms", threshold=1.5)(counts).value == 2.0


def test_f1_max_by_hand():
    counts = tally([1, 2, 3, 4], [0, 1, 0, 1])
    assert get_metric("image_f1_max")(counts).value == pytest.approx(0.8)  # threshold below 2: 2 hits, 1 false alarm


def test_scores_far_apart_are_not_squashed():
    """Sigmoid or clamping before ranking would make these equal."""
    assert get_metric("image_auroc")(tally([100.0, 101.0, 1e6, 1e7], [0, 0, 1, 1])).value == 1.0


def test_non_finite_scores_are_refused():
    with pytest.raises(ValueError, match="1 of 2 scores are not finite"):
        tally([0.0, float("nan")], [0, 1])
    with pytest.raises(ValueError, match="not finite"):
        PixelTally(low=0, high=1).add([[float("inf")]], [[1]])


def test_an_unknown_metric_names_the_nearest():
    with pytest.raises(LookupError, match="did you mean 'image_auroc'"):
        get_metric("image_auroca")
    with pytest.raises(ValueError, match="give it the threshold"):
        get_metric("recall")


def test_bootstrap_holds_the_value_and_repeats_with_its_seed():
    generator = np.random.default_rng(1)
    labels = np.array([0] * 30 + [1] * 20)
    scores = generator.normal(labels * 1.0, 1)
    auroc = get_metric("image_auroc")
    low, high = bootstrap_interval(auroc, scores, labels, seed=0, resamples=300)
    assert low < auroc(tally(scores, labels)).value < high
    assert high - low < 0.4
    assert (low, high) == bootstrap_interval(auroc, scores, labels, seed=0, resamples=300)
    assert bootstrap_interval(auroc, scores[:31], labels[:31], seed=0) is None


def test_bootstrap_covers_the_true_auroc():
    """At least 51 of 60 intervals of 95 % hold the truth: the binomial band, less a little for the bootstrap."""
    auroc, generator, labels = get_metric("image_auroc"), np.random.default_rng(2), np.array([0] * 40 + [1] * 40)
    truth = 0.76025  # of two normals one deviation apart
    held = 0
    for seed in range(60):
        low, high = bootstrap_interval(auroc, generator.normal(labels, 1.0), labels, seed=seed, resamples=200)
        held += low <= truth <= high
    assert held >= 51


def test_figures_per_defect_type():
    kinds = [None, None, "line", "line", "stain"]
    found = per_defect_type([1, 2, 3, 0, 5], [0, 0, 1, 1, 1], kinds, threshold=2.5)
    assert found["line"] == {"count": 2, "found": 1, "missed": 1, "image_auroc": 0.5}
    assert found["stain"] == {"count": 1, "found": 1, "missed": 0, "image_auroc": 1.0}
