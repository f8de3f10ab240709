"""The split-conformal threshold: by hand, at the edges, and whether the promise holds in simulation."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from engine.thresholds import p_values, split_conformal


def test_nineteen_good_images_just_promise_five_percent():
    threshold = split_conformal(range(1, 20), overkill_rate=0.05)
    assert threshold.value == 19  # ceil(20 * 0.95) = 19th smallest
    assert (threshold.promised, threshold.images_needed) == (0.05, 19)
    assert threshold.is_enough


def test_too_few_good_images_take_the_largest_score_and_say_so():
    threshold = split_conformal(range(1, 11), overkill_rate=0.05)
    assert threshold.value == 10
    assert threshold.promised == threshold.smallest_promise == pytest.approx(1 / 11)
    assert not threshold.is_enough


def test_a_hundred_good_images_at_ten_percent():
    threshold = split_conformal(range(1, 101), overkill_rate=0.1)
    assert threshold.value == 91  # ceil(101 * 0.9)
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
