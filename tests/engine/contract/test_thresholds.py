"""Thresholds by every policy: by hand, at the edges, and whether what is promised holds in simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom, binom

from engine.contract.thresholds import (
    cost_based,
    expected_overkill,
    f1_optimal,
    images_to_show,
    leave_one_out,
    p_values,
    percentile,
    promise,
    set_threshold,
    split_conformal,
)


def test_nineteen_good_images_just_promise_five_percent():
    threshold = split_conformal(range(1, 20), overkill_rate=0.05)
    assert threshold.value == pytest.approx(19, rel=2e-5)  # ceil(20 * 0.95) = 19th smallest
    assert (threshold.promised, threshold.images_needed) == (0.05, 19)
    assert threshold.promise.is_enough


def test_too_few_good_images_take_the_largest_score_and_say_so():
    threshold = split_conformal(range(1, 11), overkill_rate=0.05)
    assert threshold.value == pytest.approx(10, rel=2e-5)
    assert threshold.promised == threshold.smallest_promise == pytest.approx(1 / 11)
    assert not threshold.promise.is_enough


def test_a_hundred_good_images_at_ten_percent():
    threshold = split_conformal(range(1, 101), overkill_rate=0.1)
    assert threshold.value == pytest.approx(91, rel=2e-5)  # ceil(101 * 0.9)
    assert threshold.promised == pytest.approx(10 / 101)


def test_what_cannot_set_a_threshold_is_refused():
    with pytest.raises(ValueError, match="no good images are held out"):
        split_conformal([], overkill_rate=0.05)
    with pytest.raises(ValueError, match="not a finite number"):
        split_conformal([1.0, float("nan")], overkill_rate=0.05)
    with pytest.raises(ValueError, match=r"overkill_rate is 1\.5"):
        split_conformal([1.0], overkill_rate=1.5)


@given(
    st.lists(st.integers(0, 30), min_size=1, max_size=60), st.integers(0, 30), st.sampled_from([0.01, 0.05, 0.1, 0.3])
)
def test_above_the_threshold_means_a_small_p_value(held_out, score, rate):
    threshold = split_conformal(held_out, overkill_rate=rate)
    p = p_values([score], held_out)[0]
    assert (score > threshold.value) == (p <= threshold.promised + 1e-12)


def test_p_values_by_hand():
    assert p_values([0.5, 2, 3.5, 9], [1, 2, 3, 4]).tolist() == pytest.approx([1.0, 0.8, 0.4, 0.2])


@pytest.mark.parametrize(("images", "rate"), [(19, 0.05), (40, 0.05), (99, 0.1), (30, 0.2), (8, 0.05)])
def test_the_promise_holds_over_simulated_calibrations(images, rate):
    """One new good image per calibration, 2000 of them: the false alarms stay within their 99.9 % binomial band."""
    generator, trials = np.random.default_rng(7), 2000
    alarms, promised = 0, 0.0
    for _ in range(trials):
        scores = generator.lognormal(size=images + 1)
        threshold = split_conformal(scores[1:], overkill_rate=rate)
        alarms, promised = alarms + bool(scores[0] > threshold.value), threshold.promised
    low, high = binom.ppf([0.0005, 0.9995], trials, promised)
    assert low <= alarms <= high


def test_realised_overkill_of_two_hundred_calibrations_averages_to_the_promise():
    generator = np.random.default_rng(3)
    realised = []
    for _ in range(200):
        threshold = split_conformal(generator.normal(size=39), overkill_rate=0.1)
        realised.append(np.mean(generator.normal(size=500) > threshold.value))
    assert threshold.promised == 0.1
    spread = np.sqrt(0.1 * 0.9 / 41 / 200)  # deviation of a Beta(4, 36) share, averaged over 200
    assert np.mean(realised) == pytest.approx(0.1, abs=4 * spread)


def nearest(points: np.ndarray, memory: np.ndarray) -> np.ndarray:
    """Distance of each point (N, 2) to the nearest of a memory (M, 2): a real model that must not know what it scores."""
    return np.sqrt(((points[:, None] - memory[None]) ** 2).sum(axis=-1)).min(axis=1)


@pytest.mark.parametrize(("images", "folds"), [(25, 25), (30, 10), (24, 3)])
def test_leave_one_out_keeps_its_weaker_promise_with_a_model_fitted_anew_for_each_fold(images, folds):
    """2000 calibrations, one new good image each, judged by the model of all images."""
    generator, trials, alarms = np.random.default_rng(11), 2000, 0
    for _ in range(trials):
        good = generator.normal(size=(images + 1, 2))
        new, good = good[:1], good[1:]
        scores = np.empty(images)
        for part in np.array_split(np.arange(images), folds):
            scores[part] = nearest(good[part], np.delete(good, part, axis=0))
        threshold = leave_one_out(scores, overkill_rate=0.1, folds=folds)
        alarms += bool(nearest(new, good)[0] > threshold.value)
    assert alarms <= binom.ppf(0.9995, trials, threshold.promised)
    assert alarms / trials == pytest.approx(0.1, abs=0.05)  # what usually happens: far less than the promise


def test_images_that_the_model_knows_would_promise_what_does_not_hold():
    generator, alarms = np.random.default_rng(12), 0
    for _ in range(200):
        good = generator.normal(size=(26, 2))
        threshold = leave_one_out(nearest(good[1:], good[1:]), overkill_rate=0.1)
        alarms += bool(nearest(good[:1], good[1:])[0] > threshold.value)
    assert alarms == 200


def test_leave_one_out_promises_twice_the_rate_and_less_with_few_folds():
    plain, single = split_conformal(range(39), overkill_rate=0.05), leave_one_out(range(39), overkill_rate=0.05)
    assert single.value == plain.value == pytest.approx(37, rel=2e-5)
    assert (single.promised, single.smallest_promise, single.promise.is_enough) == (0.1, 1 / 40, True)
    assert leave_one_out(range(39), overkill_rate=0.05, folds=10).promised == pytest.approx(0.1 + (1 - 10 / 39) / 11)
    assert leave_one_out(range(2), overkill_rate=0.5).promised <= 1
    with pytest.raises(ValueError, match="with 40 folds; 2 to 39 folds are possible"):
        leave_one_out(range(39), overkill_rate=0.05, folds=40)


def test_a_percentile_promises_nothing():
    threshold = percentile([1, 2, 3, 4, 5], overkill_rate=0.25)
    assert threshold.value == pytest.approx(4, rel=2e-5)
    assert (threshold.promised, threshold.is_oracle) == (None, False)
    assert "nothing is promised" in promise(threshold)


def test_the_policy_is_chosen_by_name():
    scores = list(range(30))
    for policy in ("split_conformal", "leave_one_out", "percentile"):
        assert set_threshold(scores, overkill_rate=0.1, policy=policy).policy == policy
    assert set_threshold(scores, overkill_rate=0.1) == split_conformal(scores, overkill_rate=0.1)
    with pytest.raises(ValueError, match="unknown threshold policy 'sigma'"):
        set_threshold(scores, overkill_rate=0.1, policy="sigma")


def test_what_so_many_good_images_can_promise_is_said_in_words():
    assert [images_to_show(rate) for rate in (0.05, 0.01, 0.005, 0.001)] == [59, 299, 598, 2995]
    said = promise(split_conformal(range(10), overkill_rate=0.05))
    assert said == (
        "On average at most 9.09 % of new good images are called defective. 10 good images cannot set 5 %: 19 are "
        "needed. To show 5 %, 59 good test images without a false alarm are needed."
    )
    assert "at most 10 % is promised" in promise(leave_one_out(range(39), overkill_rate=0.05))


@st.composite
def both_classes(draw):
    scores = draw(st.lists(st.integers(-20, 20), min_size=2, max_size=30))
    labels = draw(st.lists(st.integers(0, 1), min_size=len(scores) - 2, max_size=len(scores) - 2))
    return np.array(scores, dtype=float), np.array([0, 1, *labels])


@given(both_classes(), st.sampled_from([0.1, 1.0, 10.0, 500.0]), st.sampled_from([0.001, 0.01, 0.5]))
def test_thresholds_chosen_by_labels_are_the_best_of_all(case, escape_cost, rate):
    scores, labels = case
    possible = [scores.min() - 1, *scores]
    hits = [(labels[scores > t].sum(), (scores > t).sum()) for t in possible]
    by_f1 = f1_optimal(scores, labels)
    called = scores > by_f1.value
    best = max(2 * hit / (marked + labels.sum()) for hit, marked in hits)
    assert 2 * labels[called].sum() / (called.sum() + labels.sum()) == pytest.approx(best)

    def cost(t: float) -> float:
        overkill, escapes = (scores[labels == 0] > t).mean(), (scores[labels == 1] <= t).mean()
        return overkill * (1 - rate) + escape_cost * rate * escapes

    by_cost = cost_based(scores, labels, escape_cost=escape_cost, defect_rate=rate)
    assert cost(by_cost.value) == pytest.approx(min(map(cost, possible)))
    assert by_cost.overkill_rate == pytest.approx((scores[labels == 0] > by_cost.value).mean())
    assert by_cost.is_oracle
    assert by_f1.promised is None


def test_a_dearer_escape_lowers_the_threshold():
    scores, labels = [1, 2, 3, 4, 5, 6, 7, 8], [0, 0, 1, 0, 0, 1, 1, 1]
    assert cost_based(scores, labels, escape_cost=10).value == 5.5
    assert cost_based(scores, labels, escape_cost=1000).value == 2.5
    assert "that chose it" in promise(cost_based(scores, labels, escape_cost=1000))


def test_few_defects_on_the_line_save_its_good_images():
    generator = np.random.default_rng(0)  # classes that overlap: half of the defects lie among the good images
    scores, labels = np.concatenate([generator.normal(size=200), generator.normal(1, 1, 50)]), [0] * 200 + [1] * 50
    assert cost_based(scores, labels, escape_cost=10, defect_rate=0.5).overkill_rate > 0.9
    assert cost_based(scores, labels, escape_cost=10).overkill_rate < 0.05


def test_scores_with_no_number_between_them_still_get_a_threshold():
    low = 1.0
    high = np.nextafter(low, 2)
    threshold = f1_optimal([low, high], [0, 1])
    assert low <= threshold.value < high


def test_labels_of_one_class_choose_no_threshold():
    with pytest.raises(ValueError, match="2 good and 0 defective images: a threshold chosen by labels needs both"):
        f1_optimal([1, 2], [0, 0])
    with pytest.raises(ValueError, match="escape_cost is 0, it must be above 0"):
        cost_based([1, 2], [0, 1], escape_cost=0)
    with pytest.raises(ValueError, match="defect_rate is 1, it must lie between 0 and 1"):
        cost_based([1, 2], [0, 1], escape_cost=10, defect_rate=1)


@pytest.mark.parametrize(("calibration", "tested"), [(10, 10), (19, 60), (60, 200)])
def test_a_promise_that_is_kept_is_rarely_called_broken(calibration, tested):
    """Calibration and test images alike: at most 2.5 % of all cases lie above the range, however few images set it."""
    generator, above, trials = np.random.default_rng(5), 0, 2000
    for _ in range(trials):
        good = generator.normal(size=calibration + tested)
        threshold = split_conformal(good[:calibration], overkill_rate=0.1)
        above += (good[calibration:] > threshold.value).mean() > expected_overkill(threshold, images=tested)[1]
    assert above <= binom.ppf(0.9995, trials, 0.025)


@pytest.mark.parametrize(
    ("images", "rate", "tested", "alarms"), [(60, 0.05, 100, 9), (12, 0.05, 20, 1), (400, 0.01, 30, 0)]
)
def test_how_often_chance_brings_so_many_false_alarms_is_the_tail_of_the_beta_binomial(images, rate, tested, alarms):
    threshold = split_conformal(range(images), overkill_rate=rate)
    share = threshold.promised
    tail = betabinom.sf(alarms - 1, tested, share * (images + 1), (1 - share) * (images + 1))
    assert threshold.promise.chance_of(alarms, of=tested) == pytest.approx(tail, rel=1e-6)


def test_nothing_is_said_of_chance_where_nothing_is_promised():
    assert percentile(range(20), overkill_rate=0.1).promise.chance_of(3, of=10) is None


def test_the_range_of_overkill_is_the_beta_binomials_and_none_where_nothing_is_promised():
    """One calibration image: any share of the test images is as likely as any other."""
    assert expected_overkill(split_conformal([0.0], overkill_rate=0.5), images=99) == (2 / 99, 97 / 99)
    assert expected_overkill(percentile(range(30), overkill_rate=0.1), images=50) is None
    assert expected_overkill(split_conformal(range(30), overkill_rate=0.1), images=0) is None


@pytest.mark.parametrize("scores", [np.linspace(2, 3, 10), np.linspace(-900, -800, 10), [-1.0, -0.5, 1e-9]])
def test_a_good_image_that_rounding_scores_a_little_higher_is_called_good(scores):
    threshold = split_conformal(scores, overkill_rate=0.05)
    again = np.max(scores) + 5e-7 * np.median(np.abs(scores))
    assert again <= threshold.value
    assert p_values([again], scores)[0] > threshold.promised
    assert p_values([threshold.value + 1e-3 * np.ptp(scores)], scores)[0] == threshold.promised
