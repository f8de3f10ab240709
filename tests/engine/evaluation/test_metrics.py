"""Metrics against scikit-learn, against values computed by hand, and at the edges where nothing can be measured."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score, roc_auc_score

from engine.contract.verdicts import size_of
from engine.evaluation.metrics import OVERKILLS, get_metric, per_defect_type, tally, threshold_at_overkill

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


@given(labelled())
def test_f1_max_is_the_best_of_all_thresholds(case):
    scores, labels = case
    hits = [(labels[scores >= threshold].sum(), (scores >= threshold).sum()) for threshold in scores]
    best = max(2 * hit / (called + labels.sum()) for hit, called in hits)
    assert get_metric("image_f1_max")(tally(scores, labels)).value == pytest.approx(best, abs=1e-12)


@given(labelled(), st.sampled_from(OVERKILLS))
def test_recall_at_an_overkill_is_the_best_that_keeps_to_it(case, percent):
    scores, labels = case
    kept = [t for t in scores if (scores[labels == 0] > t).sum() <= (labels == 0).sum() * percent / 100]
    best = max((scores[labels == 1] > t).mean() for t in kept)
    counts = tally(scores, labels)
    assert get_metric(f"recall_at_{percent}_overkill")(counts).value == pytest.approx(best, abs=1e-12)
    threshold = threshold_at_overkill(counts, overkill=percent / 100)
    assert get_metric("recall", threshold=threshold)(counts).value == pytest.approx(best, abs=1e-12)


def test_one_of_twenty_good_images_may_fail_at_five_percent():
    counts = tally([*range(20), 18.5, 30], [0] * 20 + [1, 1])
    assert get_metric("recall_at_5_overkill")(counts).value == 1.0  # above 18, where 19 alone is overkilled
    assert get_metric("recall_at_1_overkill")(counts).value == 0.5
    assert threshold_at_overkill(counts, overkill=0.05) == 18
    assert threshold_at_overkill(tally([1.0], [1]), overkill=0.05) is None


def test_sizes_are_named_by_their_share_of_the_picture():
    assert [size_of(share) for share in (1e-6, 0.001, 0.0099, 0.049, 0.05, 1.0)] == [
        "tiny", "small", "small", "medium", "large", "large",
    ]  # fmt: skip


def test_a_metric_without_both_classes_is_none_with_a_reason():
    only_good = tally([0.1, 0.2], [0, 0])
    for name in ("image_auroc", "image_aupr", "image_f1_max", "pixel_auroc", "pixel_aupr", "recall_at_5_overkill"):
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


def test_an_unknown_metric_names_the_nearest():
    with pytest.raises(LookupError, match="did you mean 'image_auroc'"):
        get_metric("image_auroca")
    with pytest.raises(ValueError, match="give it the threshold"):
        get_metric("recall")


def test_figures_per_defect_type():
    kinds = [None, None, "line", "line", "stain"]
    found = per_defect_type([1, 2, 3, 0, 5], [0, 0, 1, 1, 1], kinds, threshold=2.5)
    assert found["line"] == {"count": 2, "found": 1, "missed": 1, "image_auroc": 0.5}
    assert found["stain"] == {"count": 1, "found": 1, "missed": 0, "image_auroc": 1.0}
    at_the_line = per_defect_type([1, 2, 3, 0, 5], [0, 0, 1, 1, 1], kinds, threshold=3)["line"]
    assert (at_the_line["found"], at_the_line["missed"]) == (0, 2)  # defective is what lies above
